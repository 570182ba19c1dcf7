# `.notebox/up.lock`: one start at a time works on a workbench's VM. The same file as notebox's own, so that the two
# exclude each other; a lock whose process has ended is taken over.

require "fileutils"
require "json"
require "socket"
require "time"

module Notebox
  class UpLock
    ATTEMPTS = 40
    WRITING_SECONDS = 5

    # `checks` knows whether a process runs (HostChecksVm).
    def initialize(root, checks)
      @file = File.join(root, ".notebox", "up.lock")
      @checks = checks
      @owner = { host: Socket.gethostname, process: { pid: Process.pid, started: HostChecksVm.started(Process.pid) || "" },
                 time: Time.now.utc.iso8601(3), command: "Start" }
    end

    # Whether the lock is ours now. A folder that cannot be written is not for this file to tell.
    def take
      FileUtils.mkdir_p(File.dirname(@file))
      ATTEMPTS.times do
        return true if create

        owner = read
        return false if owner && at_work?(owner)
        return true if (owner || old?) && take_over

        sleep(0.05)
      end
      false
    rescue SystemCallError
      true
    end

    def stale?
      @stale ? true : false
    end

    def release
      owner = read
      FileUtils.rm_f(@file) if owner && owner.dig("process", "pid") == Process.pid && owner["time"] == @owner[:time]
    rescue SystemCallError
      nil
    end

    private

    def create
      File.open(@file, File::WRONLY | File::CREAT | File::EXCL) { |file| file.write(JSON.generate(@owner)) }
      true
    rescue Errno::EEXIST
      false
    end

    def read
      owner = JSON.parse(File.binread(@file).force_encoding("UTF-8").scrub("?"))
      owner.is_a?(Hash) && owner["process"].is_a?(Hash) ? owner : nil
    rescue SystemCallError, JSON::ParserError
      nil
    end

    # By its number alone, whatever host it names: launchers refuse network drives, and a Mac has another name in another
    # network. The Vagrant that a killed notebox left is at work, too.
    def at_work?(owner)
      @checks.alive?(owner["process"]) || @checks.alive?(owner["child"])
    end

    # Half-written, by somebody who is writing it just now or by a computer that lost its power.
    def old?
      File.file?(@file) && Time.now - File.mtime(@file) > WRITING_SECONDS
    end

    # A second lock, a folder, makes sure that of several who see the same dead owner only one does this.
    def take_over
      guard = "#{@file}.takeover"
      Dir.mkdir(guard)
      begin
        owner = read
        return false if owner && at_work?(owner)

        File.write("#{@file}.#{Process.pid}", JSON.generate(@owner))
        File.rename("#{@file}.#{Process.pid}", @file)
        @stale = true
      ensure
        Dir.rmdir(guard)
      end
    rescue Errno::EEXIST
      FileUtils.rm_rf(guard) if Time.now - File.mtime(guard) > 30
      false
    end
  end
end
