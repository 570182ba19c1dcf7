# This computer as the checks see it: its programs, folders, room and ports. It answers questions and changes nothing;
# what an answer means is for host_checks_*.rb. Everything a test may want to be otherwise is handed in.

require "open3"
require "socket"
require "timeout"

module Notebox
  class HostSystem
    MIB = 1024 * 1024
    SECONDS = 20

    # What a program printed on both streams, and its exit code.
    Ran = Struct.new(:text, :code)

    attr_reader :root, :workbench, :platform, :env, :vagrant_version

    # `root` is the workbench folder, `workbench` what the Vagrantfile says of it; `platform` windows, macos or linux.
    def initialize(root:, workbench:, platform: HostSystem.platform, env: ENV.to_h, vagrant_version: nil, now: Time.now)
      @root = root
      @workbench = workbench
      @platform = platform
      @env = env
      @vagrant_version = vagrant_version
      @now = now
      @ran = {}
    end

    attr_reader :now

    def self.platform
      case RbConfig::CONFIG["host_os"]
      when /mswin|mingw|cygwin/ then "windows"
      when /darwin/ then "macos"
      else "linux"
      end
    end

    def windows?
      platform == "windows"
    end

    # What a program says, or nil when it is not there or does not end in time. Asked once; no shell has a part in it.
    def run(*command)
      @ran.fetch(command) { @ran[command] = run_now(*command) }
    end

    # By its place on PATH: Windows would look into the current folder first, and the VM may write below it.
    def run_now(name, *arguments)
      program = name.match?(%r{[\\/]}) ? name : which(name)
      return nil unless program

      # VirtualBox 7 speaks the user's language where it finds one.
      language = windows? ? {} : { "LC_ALL" => "C.UTF-8" }
      stdin, out, waiter = Open3.popen2e(language, program, *arguments, chdir: root)
      stdin.close
      out.binmode
      text = Timeout.timeout(SECONDS) { out.read }
      Ran.new(text.force_encoding("UTF-8").scrub("?").delete("\r"), waiter.value.exitstatus)
    rescue Timeout::Error
      begin
        Process.kill(:KILL, waiter.pid)
      rescue SystemCallError
        nil # it has just ended
      end
      nil
    rescue SystemCallError
      nil
    ensure
      out.close if out && !out.closed?
    end

    def which(name)
      # No .cmd: what runs one reads its arguments as code.
      names = windows? ? ["#{name}.exe", name] : [name]
      places = env.fetch("PATH", "").split(File::PATH_SEPARATOR)
      places.product(names).map { |place, file| File.join(place, file) }.find { |file| File.file?(file) && File.executable?(file) }
    end

    # Where Vagrant looks too: the installer's variables, then PATH (providers/virtualbox/driver/base.rb).
    def vboxmanage
      @vboxmanage ||= [virtualbox_folder && File.join(virtualbox_folder, "VBoxManage.exe"), which("VBoxManage")]
                      .compact.find { |file| File.file?(file) }
    end

    def virtualbox_folder
      return nil unless windows?

      %w[VBOX_INSTALL_PATH VBOX_MSI_INSTALL_PATH].flat_map { |name| env[name].to_s.split(";") }
                                                 .reject(&:empty?).map { |place| place.sub(/[\\\/]+\z/, "") }.first
    end

    def vbox(*arguments)
      vboxmanage && run(vboxmanage, *arguments)
    end

    # In a line of its own: a missing driver is complained of before or after it.
    def virtualbox_version
      vbox("--version")&.text.to_s[/^\d+\.\d+\.\d+[^\s]*$/]
    end

    def libvirt?
      return false unless platform == "linux"

      %w[libvirt/libvirt-sock libvirt/virtqemud-sock].any? { |name| File.socket?(File.join("/var/run", name)) }
    end

    # The provider of the VM that exists, else the one that Vagrant will take.
    def provider
      existing = %w[virtualbox libvirt].find { |name| machine_id(name) }
      existing || env["VAGRANT_DEFAULT_PROVIDER"] || (vboxmanage || !libvirt? ? "virtualbox" : "libvirt")
    end

    def machine_folder(provider)
      File.join(env["VAGRANT_DOTFILE_PATH"] || File.join(root, ".vagrant"), "machines", "default", provider)
    end

    def machine_id(provider)
      text = File.read(File.join(machine_folder(provider), "id")).strip
      text.empty? ? nil : text
    rescue SystemCallError
      nil
    end

    def vagrant_home
      given = env["VAGRANT_HOME"].to_s
      return given unless given.empty?

      File.join(env["HOME"] || env["USERPROFILE"] || Dir.home, ".vagrant.d")
    end

    # "Default machine folder" of `VBoxManage list systemproperties`.
    def default_machine_folder
      vbox("list", "systemproperties")&.text.to_s[/^Default machine folder: *(.+?) *$/, 1]
    end

    # Free bytes of the disk with that folder (or the nearest one above it that exists), or nil when nobody says.
    def free_bytes(folder)
      return free_bytes_of_drive(folder[/\A[A-Za-z]:/]) if windows?

      place = folder
      place = File.dirname(place) until File.exist?(place) || File.dirname(place) == place
      fields = run("df", "-Pk", place)&.text.to_s.lines.last.to_s[/\s(\d+)\s+\d+\s+(-?\d+)\s+\S+%/] ? Regexp.last_match : nil
      fields && fields[1].to_i.positive? ? fields[2].to_i * 1024 : nil
    end

    # The last number that `dir` says, whatever its language. Only the drive: cmd would read a path's & as code.
    def free_bytes_of_drive(drive)
      drive && run("cmd", "/d", "/c", "dir", "/-c", "#{drive}\\")&.text.to_s.strip.lines.last.to_s.scan(/\d+/).last&.to_i
    end

    # Memory in MiB, in all and free (nil: nobody says). VirtualBox knows it on every system.
    def memory
      info = provider == "virtualbox" ? vbox("list", "hostinfo")&.text.to_s : ""
      total = info[/^Memory size: *(\d+)/, 1]
      free = info[/^Memory available: *(\d+)/, 1]
      return [total.to_i, platform == "macos" ? nil : free&.to_i] if total

      text = File.read("/proc/meminfo")
      [text[/^MemTotal:\s+(\d+)/, 1].to_i / 1024, text[/^MemAvailable:\s+(\d+)/, 1]&.to_i&.div(1024)]
    rescue SystemCallError
      [nil, nil]
    end

    # amd64 or arm64, as Vagrant 2.4 says it; VAGRANT_HOST_ARCHITECTURE overrides, as there.
    def architecture
      given = env["VAGRANT_HOST_ARCHITECTURE"].to_s
      given = env["PROCESSOR_ARCHITEW6432"] || env["PROCESSOR_ARCHITECTURE"].to_s if given.empty? && windows?
      given = RbConfig::CONFIG["host_cpu"] if given.to_s.empty?
      case given.downcase
      when /arm64|aarch64/ then "arm64"
      when /amd64|x86_64|x64/ then "amd64"
      else given.downcase
      end
    end

    # Why a port of 127.0.0.1 cannot be opened, or nil. Listening is the only sure test; an answer counts too, as some
    # systems let two share a port.
    def port_fault(port)
      TCPServer.new("127.0.0.1", port).close
      answered?(port) ? "another program uses it" : nil
    rescue Errno::EADDRINUSE
      "another program uses it"
    rescue Errno::EACCES
      "this system keeps it for itself"
    rescue SystemCallError => e
      "it cannot be opened (#{e.class.name.split('::').last})"
    end

    def answered?(port)
      Socket.tcp("127.0.0.1", port, connect_timeout: 0.5).close
      true
    rescue SystemCallError
      false
    end

    def read(file)
      File.binread(file).force_encoding("UTF-8").scrub("?")
    rescue SystemCallError
      nil
    end
  end
end
