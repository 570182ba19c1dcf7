# What is in a VM (vm_work.rb) as a file in backups/ (backup_file.rb); a VM that is off is started for it, as it is.

require "fileutils"

require_relative "awake"
require_relative "backup_file"
require_relative "provisioning"
require_relative "vm_work"

module Notebox
  class Saving
    # `python` is what pieces of pip's fit (VmWork#python), `unread` are lines about what could not be read.
    Saved = Struct.new(:file, :pieces, :python, :unread)

    def self.script(root)
      Provisioning.member(root, "keep.sh")
    end

    def initialize(machine, workbench)
      @machine = machine
      @workbench = workbench
      @root = machine.env.root_path.to_s
    end

    # `folder` gets the pieces, and is this person's alone. nil when the VM was never set up. The VM runs afterwards, and
    # its services rest: whoever calls stops or deletes it.
    def save(folder)
      @machine.action(:up, provision_enabled: false) unless @machine.state.id == :running
      Awake.wait(@machine)
      FileUtils.rm_rf(folder)
      FileUtils.mkdir_p(folder, mode: 0o700)
      work = VmWork.new(@machine, self.class.script(@root))
      work.at_rest do
        pieces = work.fetch(folder)
        pieces && Saved.new(BackupFile.write(@root, pieces, about(work, pieces)), pieces, work.python, work.unread)
      end
    end

    private

    def about(work, pieces)
      python, machine = work.python
      # The workbench may be a newer hand-out's, and what was saved another's.
      kinds = @workbench[:services].map { |name, service| [name.to_s, service[:kind]] }.to_h
      pieces.select(&:service).each { |piece| kinds[piece.service] = piece.kind }
      {
        workbench: { name: @workbench[:name], title: @workbench[:title] },
        services: kinds.map { |name, kind| { name: name, kind: kind } },
        guest: { python: python, machine: machine },
        without: work.unread,
      }
    end
  end
end
