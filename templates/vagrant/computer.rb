# What has to be true of this computer before the VM starts: the provider, the folders that are shared with the
# VM, the ports, and whether the processor's virtualisation can be used. It looks; it changes nothing.

require "socket"

require_relative "failure"
require_relative "host_settings"

module Notebox
  module Computer
    # The addresses under which a VM reaches this computer, as the providers choose them.
    GATEWAYS = { virtualbox: "10.0.2.2", libvirt: "192.168.121.1" }.freeze
    # Both have two-way folders, so that work stays on this computer.
    PROVIDERS = %i[virtualbox libvirt].freeze

    def self.check(machine, workbench)
      check_provider(machine.provider_name)
      workbench[:folders].each { |folder| check_folder(machine.env.root_path.to_s, folder) }
      # Vagrant itself moves a port that is taken, but not with libvirt: there it would say nothing, and whoever has
      # the port would be taken for the VM. While the VM runs, the ports are its own.
      return if machine.provider_name.to_sym != :libvirt || machine.state.id == :running

      workbench[:services].values.map { |service| service[:port] }.compact.each { |port| check_port(port) }
      warn_of_loopback(machine) if HostSettings.new(GATEWAYS[:libvirt]).loopback?
    end

    # VirtualBox lets the VM through to the loopback address; libvirt does not.
    def self.warn_of_loopback(machine)
      machine.ui.warn("A proxy or package index of this computer listens on 127.0.0.1. The VM asks for it at " \
                      "#{GATEWAYS[:libvirt]}, so it has to listen there, too.")
    end

    def self.check_provider(name)
      return if PROVIDERS.include?(name.to_sym)

      raise Failure, <<~TEXT
        This workbench runs with VirtualBox or libvirt, and Vagrant would take #{name}.
        Install VirtualBox (on Linux, libvirt with the plugin vagrant-libvirt does as well) and start again.
      TEXT
    end

    # A link in the place of a shared folder would give the VM a folder that nobody meant to share.
    def self.check_folder(root, folder)
      folder.split("/").inject(root) do |above, name|
        path = File.join(above, name)
        raise Failure, "#{path} is a link. The VM gets real folders only: put a folder in its place." if File.symlink?(path)
        raise Failure, "#{path} is a file, and the VM needs a folder there." if File.file?(path)

        path
      end
    end

    def self.check_port(port)
      TCPServer.new("127.0.0.1", port).close
    rescue Errno::EADDRINUSE
      raise Failure, <<~TEXT
        Another program on this computer has port #{port}, which the workbench needs.
        Close that program (perhaps another workbench that still runs) and start again.
      TEXT
    end

    # True when KVM works. /dev/kvm alone says little: in containers it exists where no processor stands behind it.
    def self.kvm?
      return false unless File.read("/proc/cpuinfo") =~ /^flags\s*:.*\b(?:vmx|svm)\b/

      File.open("/dev/kvm", "r+").close
      true
    rescue SystemCallError
      false
    end

    # True for VirtualBox 7 and newer, which shut this computer's loopback addresses off from the VM.
    def self.virtualbox_hides_loopback?
      VagrantPlugins::ProviderVirtualBox::Driver::Meta.new.version.to_i >= 7
    rescue StandardError
      false # no VirtualBox here, or none that works: Vagrant itself will say so
    end
  end
end
