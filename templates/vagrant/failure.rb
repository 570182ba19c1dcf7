# The error of these files. Vagrant prints its text without a backtrace and ends with exit code 1.

module Notebox
  class Failure < Vagrant::Errors::VagrantError
    def initialize(text)
      @text = text
      super()
    end

    def error_message
      @text
    end
  end
end
