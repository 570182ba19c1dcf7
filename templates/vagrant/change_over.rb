# Start after a newer hand-out that is made for another box: a new VM beside the old one, with the work of the old one; in
# use once it was filled and its services answer, else the old one is again. Killed at any moment, the next start goes on
# with a VM that has the work (upgrade.rb). What notebox does for an author is `notebox upgrade`, with more checks.

require "digest"
require "fileutils"
require "json"

require_relative "endpoints"
require_relative "failure"
require_relative "faults"
require_relative "readiness"
require_relative "saving"
require_relative "triggers"
require_relative "upgrade"
require_relative "versions"
require_relative "vm_work"

module Notebox
  class ChangeOver
    LIMIT = 600 # seconds for services to come up; without hardware virtualisation Java alone takes minutes
    PAUSE = 2
    # Hash of the hand-out whose change-over failed: it is not tried at every start.
    FAILED = ".notebox/not-changed-over".freeze

    class << self
      # The launcher's: makes VirtualBox's folder for VMs fit before one is imported (machine_folder.rb).
      attr_accessor :lender
      # The launcher's: what the table of faults and the log make of an error, as a fault and what was found; or nil.
      attr_accessor :interpreter
    end

    # Called before each start.
    def self.run(machine, workbench)
      return if Triggers.quiet? || ENV["NOTEBOX_LAUNCHER"] != "start"

      Triggers.quietly { new(machine, workbench).run }
    end

    def initialize(machine, workbench)
      @machine = machine
      @workbench = workbench
      @root = machine.env.root_path.to_s
      @provider = machine.provider_name
    end

    def run
      return if Upgrade.notebox?(@root) || !settle || !wanted?
      return leave_alone("The newer version could not be set up when it was tried") if failed_before?

      change if fetch_box
    end

    private

    # What an earlier start left. False when it could not be put in order, which the next start tries again.
    def settle
      case Upgrade.step(@root)
      when "building" then delete("new")
      when "switching", "removing"
        return false if File.directory?(Upgrade.folder(@root, "new", "machines"))

        delete("old")
      end
      Upgrade.drop(@root)
      true
    rescue StandardError => e
      raise if interrupt?(e)

      tell("A virtual machine that is not needed any more could not be deleted yet: #{why(e)}")
      false
    end

    def wanted?
      made = box_of_vm
      made && File.directory?(File.join(@root, "originals")) && !fits?(made)
    end

    # As Vagrant notes it beside the VM's id: {"name", "version", …}.
    def box_of_vm
      return nil if @machine.id.nil?

      data = JSON.parse(@machine.data_dir.join("box_meta").read)
      data if data.is_a?(Hash) && data["name"].is_a?(String) && data["version"].is_a?(String)
    rescue SystemCallError, JSON::ParserError
      nil
    end

    def fits?(made)
      box = @workbench[:box]
      return false unless made["name"] == box[:name]

      box[:version].nil? || Gem::Requirement.new(*box[:version].split(",").map(&:strip)).satisfied_by?(Gem::Version.new(made["version"]))
    rescue ArgumentError
      true
    end

    def failed_before?
      File.file?(failed) && File.read(failed).strip == handed_out
    end

    def failed
      File.join(@root, *FAILED.split("/"))
    end

    def handed_out
      Versions.hash_of(File.join(@root, *Versions::RECORD.split("/"))).to_s
    end

    # Before anything else: without the box (no network, say) the old VM is started as ever, and the next start asks again.
    def fetch_box
      fresh = beside("new")
      Doors.choose(fresh, @workbench[:box])
      fresh.action_raw(:fetch_box, Vagrant::Action::Builder.new.tap { |steps| steps.use(Vagrant::Action::Builtin::HandleBox) })
      true
    rescue StandardError => e
      raise if interrupt?(e)

      # Vagrant has made the folder for its notes.
      Upgrade.drop(@root)
      note(e)
      tell("The newer version's box could not be fetched, so the virtual machine stays as it is: #{why(e)}")
      false
    end

    def change
      tell("It is made for another box, so a new virtual machine is made and your work moves there. This takes as long as the first start.")
      switch if begun? && save && make
    end

    def begun?
      Upgrade.note(@root, "building")
      true
    rescue SystemCallError => e
      Upgrade.drop(@root)
      note(e)
      tell("It cannot be begun (#{why(e)}), so the old one stays as it is.")
      false
    end

    # The old one is off afterwards: two at once would need twice the memory, and the same ports.
    def save
      tell("Saving what is in the old one.")
      @saved = Saving.new(@machine, @workbench).save(Upgrade.folder(@root, "saved"))
      tell("It is saved in backups/#{File.basename(@saved.file)}, too.") if @saved
      @saved&.unread&.each { |line| tell("It could not be read whole: #{line}.") }
      @machine.action(:halt)
      true
    rescue StandardError => e
      raise if interrupt?(e)

      # The old one's fault, and perhaps of this moment only: the next start tries it again.
      Upgrade.drop(@root)
      note(e)
      tell("What is in the old one could not be saved (#{why(e)}), so it stays as it is.")
      false
    end

    def make
      @fresh = beside("new")
      self.class.lender&.call
      @fresh.action(:up, destroy_on_error: true)
      fill(@fresh, @saved) if @saved
      await(@fresh)
      true
    rescue StandardError => e
      raise if interrupt?(e)

      go_back(e)
      false
    end

    def fill(fresh, saved)
      tell("Bringing your work into the new one.")
      VmWork.new(fresh, Saving.script(@root)).put(saved.pieces, saved.python).each { |left| tell("Left out: #{left}.") }
    end

    # Every service runs, and those with a port answer this computer.
    def await(fresh)
      over = Readiness.now + LIMIT
      work = VmWork.new(fresh, Saving.script(@root))
      until (resting = work.resting).empty?
        raise Failure, "In the new virtual machine #{resting.join(', ')} does not run." if Readiness.now > over

        sleep PAUSE
      end
      Endpoints.new(fresh, @workbench).service_urls.each { |name, url| Readiness.await(name, url, limit: LIMIT, well: true) }
    end

    # From here on the new one is this folder's. Vagrant's own start goes on with it, finds it running and ends.
    def switch
      box = @fresh.box
      Upgrade.note(@root, "switching")
      Upgrade.finish(@root)
      if File.directory?(Upgrade.folder(@root, "new", "machines"))
        raise Failure, "The new virtual machine is ready, but another program holds a file in #{File.join(@root, '.vagrant')}. Start again."
      end

      @machine.id = @machine.data_dir.join("id").read.strip
      @machine.box = box
      Upgrade.note(@root, "removing")
      FileUtils.rm_f(failed)
      settle
      tell("The new virtual machine is in use.")
    end

    def go_back(error)
      note(error)
      # What cannot be deleted now stays noted, and the next start tries again.
      settle
      remember_failure
      leave_alone("The new virtual machine did not become well (#{why(error)})")
    end

    def remember_failure
      FileUtils.mkdir_p(File.dirname(failed))
      File.write(failed, "#{handed_out}\n")
    rescue SystemCallError
      nil # a full disk, say: the old one starts all the same, and the next start tries again
    end

    # What the newer hand-out does to a VM may be just what failed.
    def leave_alone(why)
      @machine.config.vm.provisioners.clear
      tell("#{why}, so the old one is used as it was. Please tell your IT desk; to have it tried again, delete #{FAILED}.")
    end

    # Vagrant for the VM that is not in use.
    def beside(which)
      env = @machine.env
      other = Vagrant::Environment.new(cwd: env.root_path.to_s, home_path: env.home_path, ui_class: env.ui_class,
                                       vagrantfile_name: env.vagrantfile_name, local_data_path: Upgrade.folder(@root, which))
      other.machine(@machine.name, @provider)
    end

    # The trigger of a deletion must leave the addresses of the VM in use alone.
    def delete(which)
      return unless File.directory?(Upgrade.folder(@root, which, "machines"))

      begin
        ENV["NOTEBOX_BESIDE"] = "1"
        beside(which).action(:destroy, force_confirm_destroy: true)
      ensure
        ENV.delete("NOTEBOX_BESIDE")
      end
    end

    def interrupt?(error)
      error.is_a?(Interrupt) || error.class.name.to_s.end_with?("VagrantInterrupt")
    end

    # For the log alone.
    def note(error)
      @machine.ui.detail("#{error.class}: #{error.message}\n#{Array(error.backtrace).first(5).join("\n")}")
    end

    # In a few words, with the code for IT where the table knows it.
    def why(error)
      fault, found = self.class.interpreter&.call(error)
      return error.message.to_s.strip.split("\n").first unless fault

      "#{Faults.sentences(fault, found).first.chomp('.')}, #{fault['code']}"
    end

    def tell(line)
      @machine.ui.info("from the hand-out: #{line}")
    end
  end
end
