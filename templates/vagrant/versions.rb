# A newer hand-out in the place of an older one: says what changes, keeps the bundle that ran before as a way back, and
# takes away what only that one needed. Only hand-outs (folders with originals/) have this; an author has notebox.

require "digest"
require "fileutils"
require "json"

require_relative "whole_file"

module Notebox
  class Versions
    # The bundle that ran last, and the one that ran before it; both as they lay in the folder.
    STARTED = ".notebox/started".freeze
    BEFORE = ".notebox/before".freeze
    RECORD = ".notebox/rendered.json".freeze
    SUMMARY = "summary.json".freeze
    OWN = ["workbench.yaml", "workbench.lock", RECORD].freeze

    # The bundle's files below a folder with what render wrote into each, by its own record.
    def self.recorded(folder)
      data = JSON.parse(File.binread(File.join(folder, RECORD)).force_encoding("UTF-8").scrub("?"))
      files = data.is_a?(Hash) && data["files"].is_a?(Hash) ? data["files"] : {}
      files.select { |name, hash| hash.is_a?(String) && inside?(name) }
    rescue SystemCallError, JSON::ParserError
      {}
    end

    def self.inside?(name)
      name.is_a?(String) && !name.match?(/[\\:\0]/) && name.split("/", -1).none? { |part| ["", ".", ".."].include?(part) }
    end

    def self.hash_of(file)
      File.lstat(file).file? ? Digest::SHA256.file(file).hexdigest : nil
    rescue SystemCallError
      nil
    end

    def initialize(root, workbench)
      @root = root
      @workbench = workbench
    end

    # Before a start. `made`: whether the VM is there already. Gives back lines for the person.
    def take_over(made:)
      return [] unless handout? && newer?

      lines = differences(made)
      FileUtils.rm_rf(path(BEFORE))
      File.rename(path(STARTED), path(BEFORE))
      remove_stale
      lines
    rescue SystemCallError => e
      ["The bundle that ran before could not be kept: #{e.message}"]
    end

    # After a start that went well.
    def remember
      return unless handout? && (newer? || !File.directory?(path(STARTED)))

      part = path("#{STARTED}.part")
      FileUtils.rm_rf(part)
      names = (self.class.recorded(@root).keys + OWN).select { |name| File.file?(path(name)) }
      names.each { |name| WholeFile.copy(@root, path(name), File.join(part, name)) }
      WholeFile.write(@root, File.join(part, SUMMARY), "#{JSON.pretty_generate(summary)}\n")
      FileUtils.rm_rf(path(STARTED))
      File.rename(part, path(STARTED))
    rescue SystemCallError
      nil # the VM runs; a way back for the next time is not worth a failure
    end

    private

    def handout?
      File.directory?(path("originals"))
    end

    def newer?
      File.file?(File.join(path(STARTED), RECORD)) && content(RECORD) != content(File.join(STARTED, RECORD))
    end

    def content(name)
      File.binread(path(name))
    rescue SystemCallError
      nil
    end

    def summary
      box = @workbench[:box]
      ports = @workbench[:services].transform_values { |service| service[:port] }
      { "box" => { "name" => box[:name], "version" => box[:version] }, "services" => ports }
    end

    def differences(made)
      before = JSON.parse(content(File.join(STARTED, SUMMARY)).to_s.force_encoding("UTF-8"))
      ["This folder holds a newer version of the workbench.", *box_line(before["box"], made),
       *service_lines(before["services"] || {}),
       "The version that ran before is kept in #{BEFORE}: to go back, copy what is in it over this folder and start again."]
    rescue JSON::ParserError
      ["This folder holds a newer version of the workbench."]
    end

    def box_line(before, made)
      now = summary["box"]
      return [] if before == now || !made

      made = "It is made for the box #{told(now)}, and the VM was made from #{told(before || {})}."
      # There the change-over follows (change_over.rb).
      return [made] if ENV["NOTEBOX_LAUNCHER"] == "start"

      ["#{made} The VM stays as it is: the launcher Start changes over, and brings your work along; so does " \
       "`notebox upgrade`."]
    end

    def told(box)
      [box["name"], box["version"] && "(#{box['version']})"].compact.join(" ")
    end

    def service_lines(before)
      now = summary["services"]
      moved = (now.keys & before.keys).reject { |name| now[name] == before[name] }
      [
        *(now.keys - before.keys).map { |name| "New service: #{name}." },
        *(before.keys - now.keys).map { |name| "No longer there: #{name}." },
        *moved.map { |name| "#{name} moves from #{port_told(before[name])} to #{port_told(now[name])}." },
      ]
    end

    def port_told(port)
      port ? "port #{port}" : "inside the VM"
    end

    # What the older bundle had and this one has not, if nobody changed it: unzipping over it does not take it away.
    def remove_stale
      current = self.class.recorded(@root)
      return if current.empty?

      self.class.recorded(path(BEFORE)).each do |name, hash|
        next if current.key?(name) || linked?(name) || self.class.hash_of(path(name)) != hash

        FileUtils.rm_f(path(name))
      end
    end

    def linked?(name)
      parts = name.split("/")
      (1...parts.size).any? { |count| File.symlink?(path(parts.first(count).join("/"))) }
    end

    def path(name)
      File.join(@root, *name.split("/"))
    end
  end
end
