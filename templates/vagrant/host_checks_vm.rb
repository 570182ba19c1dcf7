# Checks of what the VM needs at its start: memory, ports, nobody else at work; and what the last start's log tells.

require "json"
require "socket"

require_relative "host_answers"

module Notebox
  module HostChecksVm
    include HostAnswers

    def memory
      needed = @system.workbench[:memory]
      return not_applicable("there is no workbench here") unless needed

      total, free = @system.memory
      return not_applicable("nobody tells how much there is") unless total

      spare = Faults.table["needs"]["hostMemoryMiB"]
      words = "#{needed} MiB of memory"
      return failed("#{total} MiB in all", needed: words, found: "and this computer has #{total} MiB in all") if needed + spare > total
      return not_applicable("the VM runs") if running?
      return failed("#{free} MiB free", needed: words, found: "and only #{free} MiB are free now") if free && needed > free

      passed(free ? "#{free} MiB free" : "#{total} MiB in all")
    end

    # VirtualBox's VMs get another port from Vagrant where one is taken, so that alone is no reason to stop; a range that
    # Windows keeps for itself Vagrant does not notice, and libvirt's forwarding never.
    def ports
      services = @system.workbench[:services]
      return not_applicable("there is no workbench here") if services.nil? || services.empty?
      return not_applicable("the VM runs") if running?

      kept = kept_ranges
      ports = services.values.map { |service| service[:port] }.compact
      faults = ports.map do |port|
        range = kept.find { |first, last| port.between?(first, last) }
        reason = range ? "Windows keeps the ports #{range[0]} to #{range[1]} for itself" : @system.port_fault(port)
        reason && [port, reason, range]
      end.compact
      return passed(ports.join(", ")) if faults.empty?

      port, reason, = faults.first
      movable = @system.provider == "virtualbox" && faults.none? { |fault| fault[2] }
      failed(faults.map { |one| "#{one[0]}: #{one[1]}" }.join("; "), { port: port, fault: reason }, !movable)
    end

    def busy
      owner = lock_owner
      return passed("nobody") if owner.nil? || owner["process"]["pid"] == Process.pid
      return passed("nobody: #{owner['command']} has ended") unless alive?(owner["process"]) || alive?(owner["child"])

      failed("#{owner['command']}, process #{owner.dig('process', 'pid')}")
    end

    # What only shows in the VM is told by the log of the last start.
    def last_start(id)
      fault = Faults.find(id)
      newest = Dir.glob(File.join(@system.root, ".notebox", "logs", "*-{up.jsonl,start.log}")).max
      return not_applicable("nothing was started here yet") unless newest

      text = @system.read(newest).to_s
      pattern = Array(fault["symptoms"]).find { |one| Faults.match?(one, text) }
      pattern ? failed("#{File.basename(newest)}: #{text[Regexp.new(pattern, Regexp::IGNORECASE)]}") : passed(File.basename(newest))
    end

    # `.notebox/up.lock`, which notebox and the launchers write alike; nil when there is none that can be read.
    def lock_owner
      owner = JSON.parse(@system.read(File.join(@system.root, ".notebox", "up.lock")).to_s)
      owner.is_a?(Hash) && owner["process"].is_a?(Hash) && owner["host"] == Socket.gethostname ? owner : nil
    rescue JSON::ParserError
      nil
    end

    # Exactly that process: numbers are used again, and on Linux the time of its start tells them apart.
    def alive?(process)
      return false unless process && process["pid"].is_a?(Integer) && process["pid"].positive?
      return false if process["pid"] == Process.pid

      Process.kill(0, process["pid"])
      return false if @system.windows? && !ours_by_name?(process["pid"])

      started = HostChecksVm.started(process["pid"])
      process["started"].to_s.empty? || started.nil? || started == process["started"]
    rescue Errno::EPERM
      true
    rescue SystemCallError
      false
    end

    # Windows soon gives a number to another program, and tells no time of start without PowerShell: but its name.
    def ours_by_name?(pid)
      name = @system.run_now("tasklist", "/nh", "/fo", "csv", "/fi", "PID eq #{pid}")&.text.to_s[/^"([^"]+)","#{pid}"/, 1]
      name.nil? || name.match?(/\A(?:rubyw?|vagrant|node|notebox.*)\.exe\z/i)
    end

    # Field 22 of /proc/PID/stat (proc(5)), counted after the program's name, which may hold blanks.
    def self.started(pid)
      fields = File.read("/proc/#{pid}/stat").rpartition(")").last.strip.split(" ")
      fields[0] == "Z" ? "ended" : fields[19]
    rescue SystemCallError
      nil
    end

    private

    def kept_ranges
      return [] unless @system.windows?

      text = @system.run("netsh", "int", "ipv4", "show", "excludedportrange", "protocol=tcp")&.text.to_s
      text.scan(/^\s*(\d+)\s+(\d+)/).map { |first, last| [first.to_i, last.to_i] }
    end
  end
end
