# A newer hand-out unpacked beside an older one. The VM and the work stay where they are: the newer bundle is put into
# the older folder, and the person is sent there. Which workbenches this person has is known from Vagrant's own list of
# machines (VAGRANT_HOME/data/machine-index), so that nobody else's are touched.

require "json"
require "socket"

require_relative "failure"
require_relative "host_checks_vm"
require_relative "host_system"
require_relative "up_lock"
require_relative "versions"
require_relative "whole_file"

module Notebox
  class OtherFolder
    include HostChecksVm

    CONNECT_SECONDS = 2
    # What travels beside the bundle. share/ does not: the VM is made already.
    BESIDE = %w[workbench.yaml workbench.lock .notebox/workbench.schema.json].freeze
    FOLDERS = %w[originals wheels].freeze

    # Stops the start (with a Failure that says where to go on) when this workbench has its VM in another folder.
    def self.check(machine, workbench)
      root = machine.env.root_path.to_s
      return if machine.id || ENV["NOTEBOX_SEPARATE"] == "1" || !untouched_handout?(root, workbench)

      place = places(machine.env.machine_index).find { |folder| same?(folder, root, workbench) }
      return if place.nil? || !wanted?(machine, workbench, place)

      new(root, place).update
      raise Failure.new(<<~TEXT, { folder: ", in #{place}" })
        #{workbench[:title]} is on this computer already, with your work: #{place}
        It has been brought up to date there, and nothing of yours was changed.
        Open that folder and double-click Start. This folder is not needed any more.
      TEXT
    end

    # A hand-out in which nobody has worked yet.
    def self.untouched_handout?(root, workbench)
      File.directory?(File.join(root, "originals")) && !File.exist?(File.join(root, ".notebox", "originals.json")) &&
        workbench[:folders].none? { |folder| Dir.exist?(File.join(root, folder)) && !Dir.empty?(File.join(root, folder)) }
    end

    # Folders of this person's machines, the one last made first.
    def self.places(index)
      found = []
      index.each { |entry| found << entry.vagrantfile_path.to_s if entry.name == "default" && entry.vagrantfile_path }
      found.uniq.select { |folder| machine?(folder) }.sort_by { |folder| -newest(folder) }
    end

    def self.machine?(folder)
      File.directory?(folder) && id_files(folder).any? { |file| !File.zero?(file) }
    end

    def self.newest(folder)
      id_files(folder).map { |file| File.mtime(file).to_f }.max
    end

    def self.id_files(folder)
      %w[virtualbox libvirt].map { |name| File.join(folder, ".vagrant", "machines", "default", name, "id") }
                            .select { |file| File.file?(file) }
    end

    # A hand-out of the same name and title, in a folder of this person's own: an author's folder is none.
    def self.same?(folder, root, workbench)
      return false if File.realpath(folder) == File.realpath(root) || !File.owned?(folder) || !File.writable?(folder)
      return false unless File.directory?(File.join(folder, "originals"))

      %w[name title].all? { |what| data(folder, what) == workbench[what.to_sym] }
    rescue SystemCallError
      false
    end

    def self.data(folder, name)
      File.read(File.join(folder, "provision", "workbench", name), encoding: "UTF-8").chomp
    rescue SystemCallError
      nil
    end

    def self.wanted?(machine, workbench, place)
      # Under a launcher only progress is shown, and no question.
      return true unless $stdin.tty? && ENV["NOTEBOX_LAUNCHER"].to_s.empty?

      machine.ui.info("#{workbench[:title]} is on this computer already, with its VM: #{place}")
      answer = machine.ui.ask("Bring that one up to date and keep your work there? (n makes a second, separate VM) [Y/n] ")
      answer.strip.empty? || answer.strip.match?(/\A[yj]/i)
    end

    # `place` is the folder with the VM, `root` the one with the newer hand-out.
    def initialize(root, place)
      @root = root
      @place = place
      @system = HostSystem.new(root: place, workbench: {})
    end

    # Killed at any moment, the next start here does it again: the record, by which versions are told apart, comes last.
    def update
      # A start that is at work there reads these files until its end.
      lock = UpLock.new(@place, self)
      raise Failure.new(running_text, { folder: ", from #{@place}" }) if running? || !lock.take

      begin
        WholeFile.alone(@place) do
          WholeFile.sweep(@place)
          names = bundle + BESIDE + FOLDERS.flat_map { |folder| below(folder) } + [Versions::RECORD]
          names.each { |name| refuse_link(name) }
          keep_hand_work
          names.each { |name| bring(name) }
          WholeFile.sweep(@place)
        end
      ensure
        lock.release
      end
    rescue SystemCallError => e
      raise Failure, <<~TEXT
        The workbench in #{@place} could not be brought up to date: #{e.message}
        Nothing of yours was changed. Make that folder writable, or free some space there, and start here again.
      TEXT
    end

    private

    def bundle
      Versions.recorded(@root).keys
    end

    def below(name)
      place = File.join(@root, name)
      return [] if File.symlink?(place)
      return [name] if File.file?(place)
      return [] unless File.directory?(place)

      Dir.children(place, encoding: "UTF-8").sort.flat_map { |child| below("#{name}/#{child}") }
    end

    # What is put there is what this computer runs: a link could lead it anywhere.
    def refuse_link(name)
      parts = name.split("/")
      link = (1..parts.size).map { |count| File.join(@place, *parts.first(count)) }.find { |path| File.symlink?(path) }
      raise Failure, "#{link} is a link, and a file of the workbench belongs there. Move it away and start again." if link
    end

    def bring(name)
      source = File.join(@root, name)
      WholeFile.copy(@place, source, File.join(@place, name)) if File.file?(source)
    end

    # What somebody changed in the older bundle itself, or in its workbench.yaml.
    def keep_hand_work
      Versions.recorded(@place).each { |name, hash| keep(name, hash) }
      # Of these no hash is recorded; what ran last is known, if it ever ran.
      (BESIDE - [".notebox/workbench.schema.json"]).each { |name| keep(name, Versions.hash_of(File.join(@place, Versions::STARTED, name))) }
    end

    # `hash` is that of the file as it was handed out.
    def keep(name, hash)
      file = File.join(@place, name)
      now = Versions.hash_of(file)
      return if now.nil? || now == hash || now == Versions.hash_of(File.join(@root, name))

      kept = kept_names(name).find { |path| !File.exist?(path) || Versions.hash_of(path) == now }
      WholeFile.copy(@place, file, kept) unless File.exist?(kept)
    end

    # What an earlier version's update kept stays.
    def kept_names(name)
      path = File.join(@place, ".notebox", "changed", name)
      (1..Float::INFINITY).lazy.map { |count| count == 1 ? path : "#{path}.#{count}" }
    end

    # By the address that was noted when the VM came up; after a crash of the computer nobody answers there.
    def running?
      ssh = JSON.parse(File.read(File.join(@place, ".notebox", "endpoints.json"), encoding: "UTF-8")).fetch("ssh")
      Socket.tcp(ssh.fetch("host").to_s, Integer(ssh.fetch("port")), connect_timeout: CONNECT_SECONDS).close
      true
    rescue SystemCallError, SocketError, JSON::ParserError, KeyError, TypeError, ArgumentError, NoMethodError
      false
    end

    def running_text
      <<~TEXT
        This workbench runs already, from the folder #{@place}
        A newer version cannot be put under a running VM, and your work in it goes on untouched.
        Double-click Stop there, then Start here again.
      TEXT
    end
  end
end
