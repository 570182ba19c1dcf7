# How far a change-over to a new VM is: `.notebox/upgrade/state.json` and, beside it, Vagrant's notes about the VM that is
# not in use. notebox (`upgrade`) and Start (change_over.rb) both work by it, and each goes on with what the other left.
# Should it have been killed between its two renames, that is mended before Vagrant looks for the VM, so that no start makes
# a third one.
#
#   building    the new VM is made and filled in new/; the old one is in use
#   switching   the new one was checked; either may stand in .vagrant, or none
#   removing    the new one is in use; the old one, in old/, goes

require "fileutils"
require "json"

module Notebox
  module Upgrade
    # `root` is the workbench folder.
    def self.folder(root, *names)
      File.join(root, ".notebox", "upgrade", *names)
    end

    # nil where none was begun; "building" where it cannot be read, for then nothing was changed over.
    def self.step(root)
      return nil unless File.exist?(folder(root))

      state = JSON.parse(File.read(folder(root, "state.json")))
      state.is_a?(Hash) && %w[switching removing].include?(state["step"]) ? state["step"] : "building"
    rescue SystemCallError, JSON::ParserError
      "building"
    end

    def self.note(root, step)
      FileUtils.mkdir_p(folder(root))
      part = folder(root, "state.json.part")
      File.open(part, "wb") do |file|
        file.write("#{JSON.generate(version: 1, step: step)}\n")
        file.fsync
      end
      File.rename(part, folder(root, "state.json"))
    end

    # The state last: what is left without it would be taken for one that was only begun.
    def self.drop(root)
      %w[new old saved].each { |name| FileUtils.rm_rf(folder(root, name)) }
      FileUtils.rm_rf(folder(root))
    end

    # Whether it is `notebox upgrade`'s: that keeps the files of the bundle, too, and alone can put them back.
    def self.notebox?(root)
      File.exist?(folder(root, "bundle")) || File.exist?(folder(root, "bundle.part"))
    end

    def self.finish(root)
      return unless step(root) == "switching"

      fresh, former = %w[new old].map { |name| folder(root, name, "machines") }
      here = File.join(root, ".vagrant", "machines")
      return unless File.directory?(fresh)

      FileUtils.mkdir_p([File.dirname(former), File.dirname(here)])
      rename(here, former) if File.directory?(here) && !File.directory?(former)
      # Notes without a VM are nobody's.
      FileUtils.rm_rf(here) if Dir.glob(File.join(here, "default", "*", "id")).all? { |id| File.zero?(id) }
      rename(fresh, here) unless File.directory?(here)
    rescue SystemCallError
      nil # the next start goes on with it
    end

    # On Windows a program that has just ended, or a scanner, may hold a folder for a moment.
    def self.rename(from, to)
      tries = 0
      begin
        File.rename(from, to)
      rescue Errno::EACCES
        raise if (tries += 1) == 20

        sleep 0.1
        retry
      end
    end
    private_class_method :rename
  end
end
