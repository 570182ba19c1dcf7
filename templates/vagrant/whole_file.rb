# Writes files so that each is whole or not there, also after a power cut: first beside, in a folder of notebox's own on
# the same disk, then moved to its place.

require "fileutils"

module Notebox
  module WholeFile
    # Path of what lies half-written, below a workbench folder.
    PARTS = ".notebox/parts.ruby".freeze

    # `root` is the workbench folder that `target` lies in. Folders on the way are made.
    def self.copy(root, source, target)
      File.open(source, "rb") { |from| place(root, target) { |to| IO.copy_stream(from, to) } }
    end

    def self.write(root, target, text)
      place(root, target) { |to| to.write(text) }
    end

    def self.place(root, target)
      part = File.join(root, PARTS, Process.pid.to_s)
      FileUtils.mkdir_p(File.dirname(part))
      FileUtils.rm_f(part)
      File.open(part, File::WRONLY | File::CREAT | File::EXCL | File::BINARY, 0o644) do |io|
        yield io
        io.fsync
      end
      # Scripts keep the mark that lets them be started; whatever the umask, as render does it.
      File.chmod(File.binread(part, 2) == "#!" || target.end_with?(".desktop") ? 0o755 : 0o644, part)
      FileUtils.mkdir_p(File.dirname(target))
      File.rename(part, target)
    ensure
      FileUtils.rm_f(part) if part
    end

    # Whatever a start that was killed left there. Two starts at once are kept apart by `alone`.
    def self.sweep(root)
      FileUtils.rm_rf(File.join(root, PARTS))
    end

    # One program at a time in this folder; where a disk knows no locks, without one.
    def self.alone(root)
      FileUtils.mkdir_p(File.join(root, ".notebox"))
      File.open(File.join(root, ".notebox", "originals.lock"), File::RDWR | File::CREAT, 0o644) do |lock|
        begin
          lock.flock(File::LOCK_EX)
        rescue SystemCallError, NotImplementedError
          nil
        end
        yield
      end
    end
  end
end
