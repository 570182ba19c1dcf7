# Brings the author's files of a hand-out from originals/ into the shared folders, before the VM starts. Nobody's work is
# touched: what is missing is copied; what nobody changed since it was copied is replaced; beside what somebody changed
# the newer original is put as "name (new).ipynb"; what somebody deleted stays deleted. Killed at any moment, the next
# start goes on. The VM can write the shared folders, so nothing in them is trusted: no link is followed, and while it
# runs nothing is done.

require "digest"
require "json"

require_relative "whole_file"

module Notebox
  class Originals
    FOLDER = "originals".freeze
    # Which original each file was last given: path => SHA-256. Outside the shared folders.
    RECORD = ".notebox/originals.json".freeze
    LITTER = /\A(?:\.ipynb_checkpoints|__pycache__|\.DS_Store|Thumbs\.db|desktop\.ini)\z/i.freeze
    # https://learn.microsoft.com/windows/win32/fileio/naming-a-file
    NOT_ON_WINDOWS = /[<>:"|?*\\[:cntrl:]]|[. ]\z|\A(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|\z)/i.freeze

    # States in which nothing in the VM has a file open; a VM that was put to sleep has.
    QUIET = %i[not_created poweroff aborted shutoff crashed].freeze

    # For the trigger: says what happened.
    def self.bring(machine, workbench)
      return unless QUIET.include?(machine.state.id)

      new(machine.env.root_path.to_s, workbench[:folders]).bring.each { |line| machine.ui.info("from the hand-out: #{line}") }
    rescue SystemCallError => e
      # The VM can start without; at the next start they are tried again.
      machine.ui.warn("from the hand-out: its files could not be brought to their places: #{e.message}")
    end

    # `folders` are the shared ones. What happened comes back as lines for the person at the computer.
    def initialize(root, folders)
      @root = root
      @folders = folders
      @told = []
    end

    def bring
      return [] unless plain_folder?(File.join(@root, FOLDER)) && plain_folder?(File.join(@root, ".notebox"), may_lack: true)

      WholeFile.alone(@root) do
        WholeFile.sweep(@root)
        @record = read_record
        originals.each { |name| bring_file(name) }
        save
        WholeFile.sweep(@root)
      end
      @told
    end

    private

    def bring_file(name)
      original = File.join(@root, FOLDER, *name.split("/"))
      hash = Digest::SHA256.file(original).hexdigest
      before = @record[name]
      return if before == hash

      case fate(name, hash, before)
      when :copy then put(original, name) && tell("new: #{name}")
      when :replace then put(original, name) && tell("brought up to date: #{name}")
      when :beside then put_beside(original, name, hash)
      when :deleted then tell("#{name} was deleted here, so the newer one stays in #{FOLDER}/")
      when :unreachable then return tell("#{name} was not copied: there is a link or something else in its place")
      end
      @record[name] = hash
    rescue SystemCallError => e
      # The others come all the same; this one is tried again at the next start.
      tell("#{name} could not be copied: #{e.message}")
    end

    # What becomes of a file whose original is one that this folder has not been given yet.
    def fate(name, hash, before)
      found = look(name)
      return found if found == :unreachable
      return before ? :deleted : :copy if found == :missing

      mine = Digest::SHA256.file(path(name)).hexdigest
      return :same if mine == hash

      mine == before ? :replace : :beside
    end

    # :file, :missing or :unreachable, without following a link anywhere on the way.
    def look(name)
      place = @root
      parts = name.split("/")
      parts.each_with_index do |part, index|
        place = File.join(place, part)
        stat = File.lstat(place)
        return :unreachable unless index == parts.size - 1 ? stat.file? : stat.directory?
      end
      :file
    rescue Errno::ENOENT
      :missing
    end

    # The newer original goes beside the person's own file, under the first name that is free or its own already.
    def put_beside(original, name, hash)
      beside_names(name).each do |candidate|
        next if originals.include?(candidate)

        case look(candidate)
        when :unreachable then next
        when :file
          mine = Digest::SHA256.file(path(candidate)).hexdigest
          next unless mine == hash || mine == @record[candidate]
        end
        put(original, candidate)
        @record[candidate] = hash
        return tell("you changed #{name}, so the newer one is #{candidate}")
      end
    end

    # "a.ipynb" => "a (new).ipynb", "a (new 2).ipynb", …
    def beside_names(name)
      folder, _, base = name.rpartition("/")
      stem, ending = base =~ /\A(.+?)((?:\.[A-Za-z0-9]{1,10}){1,2})\z/ ? [Regexp.last_match(1), Regexp.last_match(2)] : [base, ""]
      (1..Float::INFINITY).lazy.map do |count|
        mark = count == 1 ? " (new)" : " (new #{count})"
        # File names end at 255 bytes.
        short = stem.byteslice(0, 255 - mark.bytesize - ending.bytesize).scrub("")
        "#{folder}/#{short}#{mark}#{ending}"
      end
    end

    # A folder on the way was looked at before: it is a folder, or not there yet.
    def put(original, name)
      WholeFile.copy(@root, original, path(name))
      true
    end

    # Paths below originals/ that belong into a shared folder, with forward slashes, in NFC as a zip has them.
    def originals
      @originals ||= @folders.flat_map { |folder| files_below(folder) }.sort
    end

    def files_below(name)
      place = File.join(@root, FOLDER, *name.split("/"))
      return [] if LITTER.match?(File.basename(name)) || !(File.exist?(place) || File.symlink?(place))
      return tell("#{FOLDER}/#{name} is a link and was left out") && [] if File.symlink?(place)
      return tell("#{FOLDER}/#{name} has a name that Windows does not know and was left out") && [] if odd?(name)
      return [name] if File.file?(place)
      return [] unless File.directory?(place)

      Dir.children(place, encoding: "UTF-8").sort.flat_map { |child| files_below("#{name}/#{child}") }
    end

    def odd?(name)
      !name.valid_encoding? || NOT_ON_WINDOWS.match?(name.split("/").last)
    end

    def plain_folder?(place, may_lack: false)
      File.lstat(place).directory?
    rescue Errno::ENOENT
      may_lack
    end

    def path(name)
      File.join(@root, *name.split("/"))
    end

    # A record that cannot be read knows nothing: then nothing is replaced, and newer originals go beside.
    def read_record
      data = JSON.parse(File.binread(path(RECORD)).force_encoding("UTF-8").scrub("?"))
      files = data.is_a?(Hash) && data["files"].is_a?(Hash) ? data["files"] : {}
      files.select { |name, hash| name.is_a?(String) && hash.is_a?(String) && hash.match?(/\A\h{64}\z/) }
    rescue SystemCallError, JSON::ParserError
      {}
    end

    # After the files: what is not noted is looked at again.
    def save
      text = "#{JSON.pretty_generate(version: 1, files: @record.sort.to_h)}\n"
      file = path(RECORD)
      WholeFile.write(@root, file, text) unless File.file?(file) && File.binread(file) == text.b
    end

    def tell(line)
      @told << line
      true
    end
  end
end
