# Mends before a start what needs no rights, and says so: rights of the VM's key, downloads that stand in the way,
# leftovers of killed starts. What a fault looks like is the checks' business.

require "fileutils"

module Notebox
  class Mends
    def initialize(system, checks)
      @system = system
      @checks = checks
    end

    # Yields one sentence for each thing that was mended.
    def run(stale_lock:)
      yield "An earlier start was broken off; this one goes on." if stale_lock
      yield "Made the virtual machine's key readable by you alone." if mend_key
      yield "Removed a download that stood in the way." if remove(@checks.stuck_downloads)
      yield "Removed what earlier starts had left behind." if remove(@checks.old_leftovers)
    end

    private

    def mend_key
      return false unless @checks.ask("key").status == :failed

      file = File.join(@system.machine_folder(@system.provider), "private_key")
      return icacls(file) if @system.windows?

      File.chmod(0o600, file)
      true
    rescue SystemCallError
      false
    end

    # Without PowerShell, which a policy may forbid: nobody inherits, the user alone is named.
    def icacls(file)
      account = [@system.env["USERDOMAIN"], @system.env["USERNAME"]].compact.join("\\")
      return false if account.empty?

      @system.run_now("icacls", file.tr("/", "\\"), "/inheritance:r", "/grant:r", "#{account}:F")&.code == 0
    end

    def remove(files)
      files.each { |file| FileUtils.rm_rf(file) }
      files.any?
    rescue SystemCallError
      false
    end
  end
end
