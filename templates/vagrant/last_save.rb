# Before the launcher Reset deletes a VM, what is in it is saved into backups/; what cannot be saved is not deleted, unless the
# person has said so (NOTEBOX_UNSAVED=1). Plain `vagrant destroy` does what it always does.

require "fileutils"

require_relative "failure"
require_relative "saving"
require_relative "triggers"

module Notebox
  class LastSave
    PIECES = ".notebox/saving".freeze

    def self.run(machine, workbench)
      return if Triggers.quiet? || ENV["NOTEBOX_LAUNCHER"] != "reset" || ENV["NOTEBOX_UNSAVED"] == "1"
      # Nobody ever worked in a VM that was never set up.
      return if machine.id.nil? || !machine.data_dir.join("action_provision").file?

      Triggers.quietly { save(machine, workbench) }
    end

    def self.save(machine, workbench)
      pieces = File.join(machine.env.root_path.to_s, *PIECES.split("/"))
      machine.ui.info("Saving what is inside first. A machine that is off is started for it, which takes some minutes.")
      saved = Saving.new(machine, workbench).save(pieces)
      return unless saved

      machine.ui.info("It is saved in backups/#{File.basename(saved.file)}.")
      saved.unread.each { |line| machine.ui.info("It could not be read whole: #{line}") }
    rescue StandardError => e
      raise if e.class.name.end_with?("VagrantInterrupt")

      raise Failure, "What is inside of the virtual machine could not be saved, so nothing was deleted: #{e.message}"
    ensure
      FileUtils.rm_rf(pieces)
    end
    private_class_method :save
  end
end
