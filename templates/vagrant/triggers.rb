# While a start or a deletion by a person starts and stops VMs itself, the triggers of those have nothing to do.

module Notebox
  module Triggers
    def self.quiet?
      @quiet ? true : false
    end

    def self.quietly
      @quiet = true
      yield
    ensure
      @quiet = false
    end
  end
end
