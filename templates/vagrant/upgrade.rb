# The change-over to a new VM (`notebox upgrade`), should it have been killed between its two renames: finished before
# Vagrant looks for the VM, so that no start makes a third one. What comes before and after it is notebox's, and leaves a
# VM that starts without.

require "fileutils"
require "json"

module Notebox
  module Upgrade
    # `root` is the workbench folder.
    def self.finish(root)
      upgrade = File.join(root, ".notebox", "upgrade")
      state = JSON.parse(File.read(File.join(upgrade, "state.json")))
      return unless state.is_a?(Hash) && state["step"] == "switching"

      fresh, former = %w[new old].map { |name| File.join(upgrade, name, "machines") }
      here = File.join(root, ".vagrant", "machines")
      return unless File.directory?(fresh)

      FileUtils.mkdir_p([File.dirname(former), File.dirname(here)])
      File.rename(here, former) if File.directory?(here) && !File.directory?(former)
      # Notes without a VM are nobody's.
      FileUtils.rm_rf(here) if Dir.glob(File.join(here, "default", "*", "id")).all? { |id| File.zero?(id) }
      File.rename(fresh, here) unless File.directory?(here)
    rescue SystemCallError, JSON::ParserError
      nil
    end
  end
end
