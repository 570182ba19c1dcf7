# A VM that runs may still be booting, if the start that began it was killed: Vagrant then takes it for ready, and fails at the
# first thing that it does in it. And its services may rest, if a save was killed.

require_relative "provisioning"
require_relative "vm_work"

module Notebox
  module Awake
    # Until it answers, or the time for a start is over: then whoever goes on meets the reason.
    def self.wait(machine)
      return unless machine.state.id == :running

      machine.ui.info("It runs. Waiting for machine to boot, if it has not yet.")
      answers = machine.communicate.wait_for_ready(machine.config.vm.boot_timeout)
      return unless answers && VmWork.resting?(machine)

      machine.ui.info("A save that was broken off had stopped its services. They start again.")
      VmWork.new(machine, Provisioning.member(machine.env.root_path.to_s, "keep.sh")).rouse
    end
  end
end
