# Checks of the programs: Vagrant, VirtualBox, its driver and what may stand in its way, PowerShell, plugins.

require "json"

require_relative "host_answers"

module Notebox
  module HostChecksPrograms
    include HostAnswers

    def vagrant
      oldest = Faults.table["oldestVagrant"]
      version = @system.vagrant_version
      return failed("no Vagrant", found: " is missing on this computer") unless version
      return passed("Vagrant #{version}") if Gem::Version.new(numbers(version)) >= Gem::Version.new(oldest)

      failed("Vagrant #{version}", found: " #{version} is installed")
    end

    def virtualbox
      return not_applicable("libvirt is used here") unless @system.provider == "virtualbox"
      return failed("no VBoxManage", found: " is missing on this computer") unless @system.vboxmanage

      version = @system.virtualbox_version
      return failed("VBoxManage tells no version", found: " is installed, but does not work") unless version

      needed = vagrant_for(version)
      mine = @system.vagrant_version
      return passed("VirtualBox #{version}") if mine.nil? || needed.nil? || Gem::Version.new(numbers(mine)) >= Gem::Version.new(needed)

      failed("VirtualBox #{version} needs Vagrant #{needed} or newer, and Vagrant #{mine} is installed",
             found: " #{version} does not fit Vagrant #{mine}; it needs Vagrant #{needed} or newer")
    end

    # Where the table holds the question itself.
    def from_table(id)
      fault = Faults.find(id)
      return not_applicable("this is not #{systems(fault)}") unless fault["systems"].include?(@system.platform)
      return not_applicable("libvirt is used here") if @system.provider != "virtualbox" && %w[virtualbox-driver virtualisation].include?(id)

      ask_table(@system, fault, virtualbox: @system.virtualbox_folder, vboxmanage: @system.vboxmanage, key: key_file)
    end

    def hardening
      return not_applicable("this is not Windows") unless @system.windows?

      folder = @system.default_machine_folder
      logs = folder ? Dir.glob(File.join(folder.tr("\\", "/"), "*", "Logs", "VBoxHardening.log")) : []
      return not_applicable("VirtualBox has written no VBoxHardening.log yet") if logs.empty?

      newest = logs.max_by { |file| File.mtime(file) }
      line = line_with("VERR_SUP_VP_|Error -?\\d+ in supR3Hardened", @system.read(newest).to_s)
      line ? failed(line) : passed("#{File.basename(File.dirname(newest, 2))}: nothing against it")
    end

    # A policy that forbids scripts shows only when one is run; by its name from this folder, as cmd would read a path's & as
    # code.
    def policy
      fault = Faults.find("policy")
      return not_applicable("this is not Windows") unless @system.windows?

      folder = File.join(@system.root, ".notebox")
      probe = File.join(folder, "probe-#{Process.pid}.cmd")
      Dir.mkdir(folder) unless File.directory?(folder)
      File.binwrite(probe, "@echo notebox-probe-ran\r\n")
      ask_table(@system, fault, probe: ".notebox\\#{File.basename(probe)}")
    rescue SystemCallError
      not_applicable("nothing can be written here")
    ensure
      File.delete(probe) if probe && File.file?(probe)
    end

    def plugins
      text = @system.read(File.join(@system.vagrant_home, "plugins.json"))
      return passed("none") unless text

      names = JSON.parse(text).fetch("installed", {}).keys
      dead = names & Faults.table["deadPlugins"]
      dead.empty? ? passed(names.empty? ? "none" : names.join(", ")) : failed(dead.join(", "), plugin: dead.first)
    rescue JSON::ParserError
      failed("plugins.json cannot be read")
    end

    private

    def numbers(version)
      version[/\d+(\.\d+)*/] || "0"
    end

    # The first Vagrant that knows this VirtualBox, or nil when every one does (or nobody knows).
    def vagrant_for(version)
      series = version.split(".").first(2).join(".")
      pair = Faults.table["pairs"].find { |one| one["virtualbox"] == series }
      pair && pair["vagrant"]
    end

    def systems(fault)
      names = { "windows" => "Windows", "macos" => "macOS", "linux" => "Linux" }
      fault["systems"].map { |name| names.fetch(name) }.join(" or ")
    end

    def key_file
      file = File.join(@system.machine_folder(@system.provider), "private_key")
      File.file?(file) ? file : nil
    end
  end
end
