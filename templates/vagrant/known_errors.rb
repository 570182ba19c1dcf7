# For people who run plain `vagrant`: when it ends with an error that the table knows, three lines are added under
# Vagrant's own. Vagrant 2.3 has no trigger for errors, so the exit itself is watched: the error is its cause.

require_relative "faults"

module Notebox
  module KnownErrors
    def self.watch
      at_exit { tell($!) }
    end

    def self.tell(stopped)
      error = stopped.is_a?(SystemExit) ? stopped.cause : stopped
      # What reads machine-readable output has the class, and a table of its own.
      return if error.nil? || error.is_a?(Interrupt) || ARGV.include?("--machine-readable")

      fault = Faults.of_error(error.class.name, error.message.to_s)
      $stderr.puts("", *lines(fault)) if fault
    rescue StandardError
      nil # whatever is wrong here must not hide what Vagrant said
    end

    # The three sentences, because the bundle's table has no more (src/bundle/plan.ts).
    def self.lines(fault)
      what, *rest = Faults.sentences(fault)
      ["#{fault['code']}: #{what}", *rest]
    end
  end
end
