# Turns what Vagrant prints during a start into a few lines for people: "2 of 5: Fetching the box from your school's share, 3 minutes
# left".

module Notebox
  class Progress
    STEPS = 5
    SKIPPED = { 2 => "The box is on this computer already", 3 => "The virtual machine is there", 4 => "It is set up" }.freeze
    # Vagrant's and the providers' own words.
    PHASES = [
      [/could not be found\. Attempting to find|Adding box|Downloading:/, 2, :fetching],
      [/Importing base box|Creating (?:domain|image)|Uploading base box/, 3, "Making the virtual machine"],
      [/Booting VM|Starting domain|Waiting for (?:machine to boot|domain to get)/, 3, "Starting the virtual machine; this takes some minutes"],
      [/Running provisioner: provision/, 4, "Setting it up"],
      [/Waiting until Jupyter answers/, 5, "Waiting until Jupyter answers"]
    ].freeze

    def initialize(log, workbench = {})
      @log = log
      @workbench = workbench
      @step = 0
      @said = nil
      @rest = +""
    end

    def step(number, words)
      ((@step + 1)...number).each { |skipped| say("#{skipped} of #{STEPS}: #{SKIPPED[skipped]}") if SKIPPED[skipped] }
      @step = [@step, number].max
      say("#{number} of #{STEPS}: #{words}")
    end

    def note(words)
      say("   #{words}")
    end

    # Text as it is printed: parts of lines, and lines that overwrite each other.
    def heard(text)
      @rest << text
      *lines, @rest = @rest.split(/[\r\n]+/, -1)
      @rest ||= +""
      lines.each { |line| take(line.gsub(/\e\[[0-9;?]*[A-Za-z]/, "").strip) }
      # A progress meter ends in no line; it begins one.
      take(@rest.gsub(/\e\[[0-9;?]*[A-Za-z]/, "").strip) if @rest.include?("Progress:") && @rest.include?(")")
    end

    private

    def take(line)
      told = line[/from the hand-out: (.+)\z/, 1]
      return note(told) if told

      left = line[/Progress: .*remaining: (\d+:\d\d:\d\d)/, 1]
      return downloading(left) if left

      inside = line.match(%r{notebox: \[(\d+)/(\d+)\] (.+?) …\z})
      return step(4, "Setting it up, #{inside[1]} of #{inside[2]}: #{inside[3]}") if inside

      _, number, words = PHASES.find { |pattern, _, _| pattern.match?(line) }
      step(number, words == :fetching ? fetching : words) if number && number >= @step
    end

    # From where, in the person's words; which door it is stands in the log.
    def fetching
      box = @workbench[:box] || {}
      "Fetching the box from #{box[:registry] && Array(box[:doors]).empty? ? 'the public registry' : "your school's share"}"
    end

    def downloading(left)
      hours, minutes, seconds = left.split(":").map(&:to_i)
      minutes += 60 * hours
      words = minutes.zero? && seconds < 60 ? "less than a minute left" : "#{minutes + (seconds > 30 ? 1 : 0)} minutes left"
      step(2, "#{fetching}, #{words.sub(/\A1 minutes/, '1 minute')}")
    end

    def say(words)
      return if words == @said

      @said = words
      @log.show("#{words}\n")
    end
  end
end
