-- Notes that a file of sample data has been loaded, in the same transaction and in the database itself: so a copy of the
-- database knows it, too. :file is its name.
CREATE SCHEMA IF NOT EXISTS notebox;
CREATE TABLE IF NOT EXISTS notebox.loaded (file text PRIMARY KEY, at timestamptz NOT NULL DEFAULT now());
INSERT INTO notebox.loaded (file) VALUES (:'file');
