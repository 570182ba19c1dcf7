# Checks of folders and disks: Vagrant's folder, VirtualBox's, the workbench's own, and what lies about in them.

require_relative "computer"
require_relative "host_answers"

module Notebox
  module HostChecksPlaces
    include HostAnswers

    LONGEST_HOME = 100 # characters; below it Vagrant and a box's files need some 120 of Windows' 260
    OLD_SECONDS = 24 * 3600
    # libvirt's disks lie in the system's pool, whatever the home folder is.
    LIBVIRT_POOL = "/var/lib/libvirt/images".freeze

    def network
      text = @system.read(File.join(@system.root, "Vagrantfile"))
      return not_applicable("there is no workbench here") unless text

      line = text.lines.find { |one| one =~ /^[^#]*\b(private_network|public_network)\b/ }
      line ? failed(line.strip) : passed("NAT only")
    end

    def vagrant_home
      folder = @system.vagrant_home
      fault = home_fault(folder)
      fault ? failed("#{folder} #{fault}", folder: folder, fault: fault) : passed(folder)
    end

    def vm_folder
      virtualbox = @system.provider == "virtualbox"
      folder = virtualbox ? @system.default_machine_folder : LIBVIRT_POOL
      return not_applicable("VirtualBox does not name its folder") unless folder

      fault = (virtualbox && vm_folder_fault(folder)) || room_fault(folder)
      fault ? failed("#{folder} #{fault}", { folder: folder, fault: fault }, false) : passed(folder)
    end

    def path
      return not_applicable("this is not Windows") unless @system.windows?

      folder = @system.vagrant_home
      bad = !folder.ascii_only? || folder.include?("%") || folder.length > LONGEST_HOME
      bad ? failed(folder, folder: folder) : passed(folder)
    end

    def place
      root = @system.root
      fault =
        if network?(@system, root) then "on a network drive"
        elsif root.match?(TEMPORARY) then "inside a zip or in a folder for temporary files"
        elsif cloud(root) then "in a synced cloud folder (#{cloud(root)})"
        end
      fault ? failed("#{root} is #{fault}", fault: fault) : passed(root)
    end

    # Windows keeps the mark in a second stream of the file.
    def downloaded
      return not_applicable("this is not Windows") unless @system.windows?

      mark = @system.read("#{File.join(@system.root, 'Start.cmd')}:Zone.Identifier").to_s[/ZoneId=[34]/]
      mark ? failed(mark) : passed("no mark")
    end

    def leftovers
      old = old_leftovers
      bytes = old.sum { |file| File.file?(file) ? File.size?(file).to_i : 0 }
      return passed("none") if old.empty?

      size = bytes.positive? ? "#{gib(bytes)} of files" : "files"
      failed(old.map { |file| File.basename(file) }.join(", "), size: size, folder: File.join(@system.vagrant_home, "tmp"))
    end

    def old_leftovers
      Dir.glob(File.join(@system.vagrant_home.tr("\\", "/"), "tmp", "{box*,vagrant-box-add-temp-*}"))
         .select { |file| old?(file) }.sort
    end

    def key
      file = File.join(@system.machine_folder(@system.provider), "private_key")
      return not_applicable("there is no VM yet") unless File.file?(file)
      return from_table("key") if @system.windows?

      mode = File.stat(file).mode & 0o777
      seen = format("mode %04o", mode)
      (mode & 0o077).zero? ? passed(seen) : failed(seen)
    end

    def machine
      return not_applicable("libvirt is used here") unless @system.provider == "virtualbox"

      id = @system.machine_id("virtualbox")
      return not_applicable("there is no VM yet") unless id

      vms = @system.vbox("list", "vms")
      return not_applicable("VirtualBox does not list its VMs") if vms.nil? || vms.code != 0

      vms.text.include?(id) ? passed(id) : failed("VirtualBox does not know #{id}")
    end

    def folder
      probe = File.join(@system.root, ".notebox-probe-#{Process.pid}")
      File.binwrite(probe, "")
      File.delete(probe)
      passed(@system.root)
    rescue SystemCallError => e
      failed("#{@system.root}: #{e.class.name.split('::').last}")
    end

    # The same question that every start by plain Vagrant puts.
    def real_folders
      folders = @system.workbench[:folders]
      folders.each { |folder| Computer.check_folder(@system.root, folder) }
      passed(folders.join(", "))
    rescue Failure => e
      failed(e.message.lines.first.strip)
    end

    # Bytes that the start will need on the disk.
    def needed_bytes
      needs = Faults.table["needs"]
      return 0 if running?

      @system.machine_id(@system.provider) ? needs["oldVmBytes"] : needs["newVmBytes"]
    end

    def running?
      return @running unless @running.nil?

      id = @system.machine_id("virtualbox")
      @running = id && @system.provider == "virtualbox" ? @system.vbox("list", "runningvms")&.text.to_s.include?(id) : false
    end

    private

    # A download that ends meanwhile is gone.
    def old?(file)
      @system.now - File.lstat(file).mtime > OLD_SECONDS
    rescue SystemCallError
      false
    end

    def home_fault(folder)
      return "is on a network drive" if network?(@system, folder)
      return "is in a roaming profile" if roaming?(folder)
      return "cannot be written" unless writable?(folder)

      room_fault(folder)
    end

    def vm_folder_fault(folder)
      return "is on a network drive" if network?(@system, folder)
      return "is the root of a drive" if folder.match?(/\A[A-Za-z]:[\\\/]*\z/)

      # A letter of a codepage, which is no UTF-8, is a ? here.
      "has letters that VirtualBox cannot handle" if @system.windows? && (!folder.ascii_only? || folder.include?("?"))
    end

    def roaming?(folder)
      roaming = @system.env["APPDATA"].to_s
      @system.windows? && !roaming.empty? && folder.downcase.start_with?(roaming.downcase)
    end

    def writable?(folder)
      above = folder
      above = File.dirname(above) until File.exist?(above) || File.dirname(above) == above
      File.directory?(above) && File.writable?(above)
    end

    def room_fault(folder)
      free = @system.free_bytes(folder)
      free && free < needed_bytes ? "has #{gib(free)} free and needs #{gib(needed_bytes)}" : nil
    end
  end
end
