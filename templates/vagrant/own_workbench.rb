# A workbench.yaml that somebody changed by hand in a hand-out, and that unzipping a newer one replaced: what it said at
# the last start comes back beside it. The newer one counts; which of the two is wanted, only the person knows.

require "digest"
require "fileutils"

require_relative "whole_file"

module Notebox
  class OwnWorkbench
    FILE = "workbench.yaml".freeze
    # As it was handed out: the newest version's.
    SHIPPED = "originals/workbench.yaml".freeze
    # As it was when somebody last started, and the hash of what had been handed out then.
    LAST = ".notebox/last/workbench.yaml".freeze
    LAST_SHIPPED = ".notebox/last/shipped".freeze

    def initialize(root)
      @root = root
    end

    # Before each start. Gives back lines for the person.
    def keep
      return [] unless plain_folder?("originals") && plain_folder?(".notebox", may_lack: true) && hash(SHIPPED)

      WholeFile.alone(@root) do
        lines = replaced? ? give_back : []
        remember
        lines
      end
    rescue SystemCallError => e
      ["What you changed in #{FILE} could not be kept: #{e.message}"]
    end

    private

    # A newer version was handed out since, its file is in place, and the last one used was somebody's own.
    def replaced?
      before = File.file?(path(LAST_SHIPPED)) ? File.read(path(LAST_SHIPPED)).strip : nil
      last = hash(LAST)
      return false if before.nil? || last.nil?

      before != hash(SHIPPED) && last != before && hash(FILE) == hash(SHIPPED) && last != hash(FILE)
    end

    def give_back
      name = names.find { |candidate| !there?(candidate) || hash(candidate) == hash(LAST) }
      WholeFile.copy(@root, path(LAST), path(name)) unless there?(name)
      ["You had changed #{FILE}, and the newer version has replaced it. Yours, as at the last start, is #{name}: " \
       "copy what you need of it into #{FILE}."]
    end

    def names
      (1..Float::INFINITY).lazy.map { |count| count == 1 ? "workbench (yours).yaml" : "workbench (yours #{count}).yaml" }
    end

    # The file before the hash: after a kill in between, the two are of one version or nothing is given back.
    def remember
      return if hash(FILE).nil?

      WholeFile.copy(@root, path(FILE), path(LAST)) if hash(FILE) != hash(LAST)
      WholeFile.write(@root, path(LAST_SHIPPED), "#{hash(SHIPPED)}\n")
    end

    # nil for what is not there, or no plain file.
    def hash(name)
      File.lstat(path(name)).file? ? Digest::SHA256.file(path(name)).hexdigest : nil
    rescue Errno::ENOENT, Errno::ENOTDIR
      nil
    end

    def there?(name)
      File.exist?(path(name)) || File.symlink?(path(name))
    end

    def plain_folder?(name, may_lack: false)
      File.lstat(path(name)).directory?
    rescue Errno::ENOENT
      may_lack
    end

    def path(name)
      File.join(@root, *name.split("/"))
    end
  end
end
