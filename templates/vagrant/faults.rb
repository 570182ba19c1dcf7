# The table of known faults (faults.json beside this file, which notebox and the launchers read too): finds the fault
# that an error or a check stands for, and puts what was found into its three sentences.

require "json"

module Notebox
  module Faults
    FILE = File.join(__dir__, "faults.json").freeze

    def self.table
      @table ||= JSON.parse(File.read(FILE, encoding: "UTF-8"))
    end

    # By code ("NB-D06") or by id ("hypervisor").
    def self.find(name)
      table["faults"].find { |fault| fault["code"] == name || fault["id"] == name } || raise(KeyError, name)
    end

    # The fault that a failure of Vagrant's stands for, or nil. `name` is the error's class, `text` all that was printed.
    # What is firm counts before all else; a symptom tells more than a class, which may stand for many causes.
    def self.of_error(name, text)
      last = name.to_s.split("::").last
      by_class = table["faults"].find { |fault| Array(fault["classes"]).include?(last) }
      return by_class if by_class && by_class["firm"]

      firm = table["faults"].find { |fault| fault["firm"] && symptom?(fault, text) }
      return firm if firm
      return table["faults"].find { |fault| any?(fault["own"], text) } if last == "Failure"

      table["faults"].find { |fault| symptom?(fault, text) } || by_class
    end

    def self.symptom?(fault, text)
      any?(fault["symptoms"], text)
    end

    def self.any?(patterns, text)
      Array(patterns).any? { |pattern| match?(pattern, text) }
    end

    def self.match?(pattern, text)
      Regexp.new(pattern, Regexp::IGNORECASE).match?(text)
    end

    # What is wrong, who can mend it, how. {name|words} becomes what was found under that name, or the words.
    def self.sentences(fault, found = {})
      fault["sentences"].map do |sentence|
        filled = sentence.gsub(/\{([a-z]+)\|([^}]*)\}/) do
          given = found[Regexp.last_match(1).to_sym]
          given.nil? ? Regexp.last_match(2) : given.to_s
        end
        filled.gsub(/ +/, " ").gsub(/ (?=[.,;](?: |$))/, "")
      end
    end

    # The code that a launcher ends with: that of notebox for the same kind of fault.
    def self.exit_code(fault)
      table["exits"].fetch(fault["exit"])
    end
  end
end
