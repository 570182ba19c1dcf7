# What has to be true of this computer before the VM starts: the provider, the folders that are shared with the
# VM, and whether the processor's virtualisation can be used. It looks; it changes nothing.

require_relative "failure"

module Notebox
  module Computer
    # Both have two-way folders, so that work stays on this computer.
    PROVIDERS = %i[virtualbox libvirt].freeze

    def self.check(machine, workbench)
      check_provider(machine.provider_name)
      workbench[:folders].each { |folder| check_folder(machine.env.root_path.to_s, folder) }
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
