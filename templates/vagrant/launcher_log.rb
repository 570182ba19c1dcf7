# The log of a launcher's run, and what goes to the terminal instead. Whatever Vagrant prints in this process passes
# here: it is kept, written to the log once that is open, and shown unless a Progress takes its place.

require "fileutils"
require "time"

module Notebox
  class LauncherLog
    KEPT_BYTES = 1024 * 1024
    KEPT_FILES = 20

    # Put before `write` of $stdout and $stderr.
    module Listener
      attr_accessor :notebox_log

      def write(*parts)
        return super if Thread.current[:notebox_own] || notebox_log.nil?

        text = parts.join
        notebox_log.heard(text)
        notebox_log.quiet? ? text.bytesize : super
      end
    end

    attr_reader :path, :text

    def initialize(root, mode)
      @folder = File.join(root, ".notebox", "logs")
      @mode = mode
      @text = +""
      @home = Dir.home.to_s
    rescue ArgumentError
      @home = ""
    end

    # From now on everything that is printed is heard; with a progress, it alone talks.
    def listen(progress)
      @progress = progress
      [$stdout, $stderr].each do |stream|
        stream.extend(Listener)
        stream.notebox_log = self
      end
    end

    def quiet?
      !@progress.nil?
    end

    def heard(printed)
      clean = printed.dup.force_encoding("UTF-8").scrub("?")
      note(clean)
      @progress&.heard(clean)
    end

    # Opens the file and gives its path, or says where there is none.
    def open
      return @path if @path

      FileUtils.mkdir_p(@folder)
      tidy
      @path = File.join(@folder, "#{Time.now.utc.strftime('%Y-%m-%dT%H%M%SZ')}-#{@mode}.log")
      File.write(@path, @text, mode: "a")
      @path
    rescue SystemCallError
      @path = "(none: this folder cannot be written)"
    end

    def note(words)
      added = Array(words).join
      added = added.gsub(@home, "~") unless @home.length < 2
      @text << added
      @text = @text[-KEPT_BYTES / 2..-1] if @text.length > KEPT_BYTES
      File.write(@path, added, mode: "a") if @path && File.file?(@path)
    rescue SystemCallError
      nil # a full disk is told by whoever needs the room
    end

    # Says something of notebox's own to the person at the terminal.
    def show(words)
      note(words)
      Thread.current[:notebox_own] = true
      $stdout.write(plain(words))
      $stdout.flush
    ensure
      Thread.current[:notebox_own] = nil
    end

    private

    # Windows' consoles know few characters.
    def plain(words)
      HostSystem.platform == "windows" ? words.gsub("“", '"').gsub("”", '"').gsub("–", "-").gsub("…", "...") : words
    end

    def tidy
      old = Dir.glob(File.join(@folder, "*.log")).sort
      old.first([old.size - KEPT_FILES + 1, 0].max).each { |file| FileUtils.rm_f(file) }
    end
  end
end
