# The error of these files. Vagrant prints its text without a backtrace and ends with exit code 1.

module Notebox
  class Failure < Vagrant::Errors::VagrantError
    # What was found, for the sentences of the table of known faults (faults.json).
    attr_reader :found

    def initialize(text, found = {})
      @text = text
      @found = found
      super()
    end

    def error_message
      @text
    end
  end
end
