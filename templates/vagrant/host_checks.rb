# All checks of this computer, for people without notebox: the same faults as `notebox doctor` tells, from the same
# table (faults.json). They run in Vagrant's own Ruby and need no rights. How they are used is launcher.rb's business.

require_relative "faults"
require_relative "host_answers"
require_relative "host_checks_places"
require_relative "host_checks_programs"
require_relative "host_checks_share"
require_relative "host_checks_vm"
require_relative "host_system"

module Notebox
  class HostChecks
    include HostChecksPrograms
    include HostChecksPlaces
    include HostChecksShare
    include HostChecksVm

    # In the order in which they are told: causes come before what follows from them.
    LIST = {
      "folder" => :folder, "place" => :place, "vagrant" => :vagrant, "virtualbox" => :virtualbox,
      "virtualbox-folder" => :from_table, "virtualbox-driver" => :from_table, "virtualisation" => :from_table,
      "hypervisor" => :from_table, "hardening" => :hardening, "network" => :network, "vagrant-home" => :vagrant_home,
      "vm-folder" => :vm_folder, "path" => :path, "downloaded" => :downloaded, "policy" => :policy,
      "powershell" => :from_table, "registry" => :registry, "door" => :door, "door-account" => :door,
      "door-type" => :door, "proxy" => :door, "certificate" => :door, "catalog" => :catalog,
      "architecture" => :architecture, "checksum" => :checksum, "download" => :download, "leftovers" => :leftovers, "memory" => :memory,
      "busy" => :busy, "ports" => :ports, "real-folders" => :real_folders, "key" => :key,
      "shared-folders" => :last_start, "links" => :last_start, "plugins" => :plugins, "machine" => :machine
    }.freeze
    WITH_ID = %i[from_table door last_start].freeze

    Result = Struct.new(:fault, :answer) do
      def failed?
        answer.status == :failed
      end

      def stops?
        failed? && (answer.stops.nil? ? fault["stops"] : answer.stops)
      end

      def sentences
        Faults.sentences(fault, answer.found)
      end
    end

    def initialize(system)
      @system = system
    end

    # One check after the other. `only_stopping` leaves out those that no start has to stop for.
    def run(only_stopping: false)
      LIST.map do |id, name|
        fault = Faults.find(id)
        next if only_stopping && !fault["stops"]

        Result.new(fault, ask(id, name))
      end.compact
    end

    # A check that breaks must not keep anybody from starting.
    def ask(id, name = LIST.fetch(id))
      WITH_ID.include?(name) ? public_send(name, id) : public_send(name)
    rescue StandardError => e
      not_applicable("it could not be asked: #{e.message}")
    end
  end
end
