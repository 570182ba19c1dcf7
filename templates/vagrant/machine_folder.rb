# VirtualBox makes new VMs in one folder for all. Where that is not fit (a network drive, letters that it cannot
# handle), it is set to another for the time of the import and put back then; after a kill, at the next start.

require "fileutils"
require "json"

require_relative "host_checks_vm"

module Notebox
  class MachineFolder
    include HostChecksVm

    # Put after Vagrant's import of the box.
    class PutBack
      class << self
        attr_accessor :folder
      end

      def initialize(app, _env)
        @app = app
      end

      def call(env)
        self.class.folder&.put_back
        @app.call(env)
      end
    end

    def initialize(system)
      @system = system
      @note = File.join(system.vagrant_home, "notebox-machine-folder.json")
    end

    # Whether VirtualBox now makes VMs below Vagrant's folder. What it had is noted first.
    def lend
      before = known(@system.default_machine_folder)
      ours = File.join(@system.vagrant_home, "vms")
      return false if before.nil? || File.file?(@note)

      FileUtils.mkdir_p(ours)
      File.write(@note, JSON.generate(before: before, process: { pid: Process.pid, started: HostChecksVm.started(Process.pid) || "" }))
      return put_back && false unless set(ours)

      watch_import
      true
    rescue SystemCallError
      false
    end

    # Whoever noted it may be at work still, in another folder; then it is left to them.
    def put_back
      note = read_note
      return false if note.empty? || (note.dig("process", "pid") != Process.pid && alive?(note["process"]))

      FileUtils.rm_f(@note) if set(note.fetch("before"))
      true
    rescue SystemCallError, KeyError
      false
    end

    private

    # One that is broken was so before anything was set, and would keep every later start from lending.
    def read_note
      note = JSON.parse(File.binread(@note).force_encoding("UTF-8").scrub("?"))
      return note if note.is_a?(Hash) && note["before"].is_a?(String) && note["process"].is_a?(Hash)

      raise JSON::ParserError, "no note"
    rescue JSON::ParserError
      FileUtils.rm_f(@note)
      {}
    end

    # VirtualBox on Windows prints letters of a codepage, which are no UTF-8 and could not be put back. Its own folder has
    # a word that stands for it (VBoxManage setproperty machinefolder default); of any other it is left as it is.
    def known(folder)
      return folder unless folder&.include?("?")

      folder.match?(%r{[\\/]VirtualBox VMs\z}) ? "default" : nil
    end

    def set(folder)
      given = @system.windows? ? folder.tr("/", "\\") : folder
      program = @system.vboxmanage
      program ? @system.run_now(program, "setproperty", "machinefolder", given)&.code == 0 : false
    end

    def watch_import
      PutBack.folder = self
      Class.new(Vagrant.plugin("2")) do
        name "notebox machine folder"
        action_hook(:notebox_machine_folder, :machine_action_up) do |hook|
          hook.after(VagrantPlugins::ProviderVirtualBox::Action::Import, PutBack)
        end
      end
    end
  end
end
