"""The home page of a workbench: every service with its state and its link, what to do when one is not well, and the routes
of API notebooks to try. What the browser shows is in ../page/; this is what it asks."""
