# What comes out when a check asks, the questions that the table itself holds (a program and what its words mean),
# and a few words about paths that several checks need.

require_relative "faults"

module Notebox
  module HostAnswers
    # status: :passed, :failed or :"not-applicable"; seen: the evidence; found: what goes into the three sentences;
    # stops: whether a start has to stop here.
    Answer = Struct.new(:status, :seen, :found, :stops)

    CLOUDS = %r{[\\/](OneDrive[^\\/]*|Dropbox[^\\/]*|Google ?Drive|iCloud ?Drive|Mobile Documents|CloudStorage|Nextcloud)([\\/]|\z)}i.freeze
    TEMPORARY = %r{[\\/](Temp\d*_[^\\/]*\.zip|AppData[\\/]Local[\\/]Temp)([\\/]|\z)}i.freeze
    GIB = 1024.0**3

    def passed(seen)
      Answer.new(:passed, seen, {}, false)
    end

    # `stops` nil leaves it to the table.
    def failed(seen, found = {}, stops = nil)
      Answer.new(:failed, seen, found, stops)
    end

    def not_applicable(reason)
      Answer.new(:"not-applicable", reason, {}, false)
    end

    # Puts the questions that the table holds for a fault. `values` fill {name} in a command; one without its value is
    # not asked. The first answer that passes counts, else the last that fails.
    def ask_table(system, fault, values)
      evidence = nil
      asked = false
      fault["ask"].each do |question|
        next unless (question["systems"] || fault["systems"]).include?(system.platform)

        command = question["run"].map { |word| word.start_with?("{") ? values[word[1..-2].to_sym] : word }
        ran = command.include?(nil) ? nil : system.run(*command)
        next if ran.nil?

        asked = true
        good = line_with(question["passes"], ran.text)
        return passed(good) if good

        evidence = line_with(question["fails"], ran.text) || evidence
      end
      return not_applicable("nothing on this computer can be asked") unless asked

      evidence ? failed(evidence) : passed("nothing against it")
    end

    # The first line that a pattern is found in, or nil.
    def line_with(pattern, text)
      return nil if pattern.nil? || !Faults.match?(pattern, text)

      (text.lines.find { |line| Faults.match?(pattern, line) } || text).strip
    end

    def unc?(path)
      path.match?(%r{\A[\\/]{2}[^\\/?.]})
    end

    # A network drive: a UNC path, or a letter that Windows has connected to one.
    def network?(system, path)
      return false unless system.windows?
      return true if unc?(path)

      letter = path[/\A([A-Za-z]:)/, 1]
      letter && letter.casecmp(system.env["SystemDrive"].to_s).nonzero? && system.run("net", "use", letter)&.code == 0 ? true : false
    end

    def cloud(path)
      path[CLOUDS, 1]
    end

    def gib(bytes)
      return "#{bytes / HostSystem::MIB} MiB" if bytes < GIB

      format("%.1f GiB", (bytes / GIB * 10).floor / 10.0)
    end
  end
end
