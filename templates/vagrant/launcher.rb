# What a double-clicked launcher and this folder's Vagrantfile agree on.
#
# The launcher sets NOTEBOX_LAUNCHER and runs vagrant in the workbench folder:
#
#   NOTEBOX_LAUNCHER=start    vagrant up                 checks, mends, starts; progress as "2 of 5: …" on stdout
#   NOTEBOX_LAUNCHER=stop     vagrant halt               Vagrant's own output
#   NOTEBOX_LAUNCHER=reset    vagrant destroy --force    Vagrant's own output; the launcher has asked before
#   NOTEBOX_LAUNCHER=status   vagrant status             Vagrant's own output
#   NOTEBOX_LAUNCHER=check    vagrant status             asks every check, starts nothing: one line each on stdout
#   NOTEBOX_LAUNCHER=report   vagrant status             the same without their output; writes the report (report.rb)
#
# What failed is told on stdout in five lines, after an empty one: what is wrong, who can mend it, how; then
# "Code for IT: NB-D06" and "Log: PATH". Exit codes, from the table (faults.json, "exits"): 0 fine, 3 files of the workbench
# are wrong, 4 a program is missing, 5 the share cannot be reached, 6 a box or catalog is damaged, 7 Vagrant failed, 8 this
# computer is not ready (check: a check failed), 9 another start is at work, 10 refused, 11 the disk is full, 130 interrupted.
# Other numbers are Vagrant's own. The log is .notebox/logs/TIME-MODE.log; start always writes one, the others when they
# fail. While start works it holds .notebox/up.lock, as notebox does. Launchers' own codes (NB-L01 …) are in the table too.
#
# Without the variable Vagrant does and prints what it always does; only under an error that the table knows three
# lines are added on stderr (known_errors.rb), and none with --machine-readable.

require "json"
require "fileutils"

require_relative "change_over"
require_relative "host_checks"
require_relative "known_errors"
require_relative "launcher_log"
require_relative "machine_folder"
require_relative "mends"
require_relative "progress"
require_relative "report"
require_relative "up_lock"

module Notebox
  class Launcher
    MODES = %w[start stop status check reset report].freeze
    WORDS = { passed: "ok", failed: "failed", "not-applicable": "not applicable" }.freeze

    # Called by the Vagrantfile, which Vagrant reads several times a command; only the first time counts.
    def self.begin(root, workbench)
      return if @begun

      @begun = true
      mode = ENV["NOTEBOX_LAUNCHER"]
      return KnownErrors.watch unless MODES.include?(mode)

      new(mode, HostSystem.new(root: root, workbench: workbench, vagrant_version: Vagrant::VERSION)).begin
    end

    def initialize(mode, system)
      @mode = mode
      @system = system
      @checks = HostChecks.new(system)
      @log = LauncherLog.new(system.root, mode)
      @folder = MachineFolder.new(system)
    end

    def begin
      @folder.put_back
      return check if @mode == "check"
      return report if @mode == "report"

      at_exit { ended }
      @progress = @mode == "start" ? Progress.new(@log, @system.workbench) : nil
      @log.listen(@progress)
      start if @mode == "start"
    end

    private

    def start
      @log.open
      @progress.step(1, "Looking at this computer")
      @lock = UpLock.new(@system.root, @checks)
      return fail_with(Faults.find("NB-L08")) unless @lock.take

      Mends.new(@system, @checks).run(stale_lock: @lock.stale?) { |told| @progress.note(told) }
      results = @checks.run(only_stopping: true)
      @log.note(results.map { |result| line(result) })
      stopping = results.find(&:stops?)
      return fail_with(stopping.fault, stopping.answer.found) if stopping

      results.select(&:failed?).each { |result| @progress.note(go_on(result)) }
      ChangeOver.interpreter = method(:interpret)
      lend_folder
    end

    def go_on(result)
      result.fault["id"] == "ports" ? "#{result.sentences.first} Another one will be taken." : result.sentences.first
    end

    # Before a VM is made, be it for this start or for a change-over within it.
    def lend_folder
      return unless @system.provider == "virtualbox"

      ChangeOver.lender = method(:lend)
      lend if @system.machine_id("virtualbox").nil?
    end

    # VirtualBox's own folder is not fit, so VMs are made in Vagrant's.
    def lend
      return unless @checks.ask("vm-folder").status == :failed

      @progress.note("VirtualBox's own folder for virtual machines is not fit; another one is used.") if @folder.lend
    end

    # Ends Vagrant before it has done anything.
    def fail_with(fault, found = {})
      tell(fault, found)
      exit Faults.exit_code(fault)
    end

    def tell(fault, found = {})
      @told = true
      @log.open
      @log.show("\n#{Faults.sentences(fault, found).join("\n")}\nCode for IT: #{fault['code']}\nLog: #{@log.path}\n")
    end

    # Vagrant is done, well or not: its error is the cause of the exit that it asked for.
    def ended
      stopped = $!
      @folder.put_back
      @lock&.release
      return if @told

      error = stopped.is_a?(SystemExit) ? stopped.cause : stopped
      return finished(stopped) if error.nil?
      exit 130 if error.is_a?(Interrupt) || error.class.name.to_s.end_with?("VagrantInterrupt")

      fault, found = interpret(error) || [Faults.find("NB-V99"), {}]
      tell(fault, found)
      exit Faults.exit_code(fault)
    end

    # The fault that an error stands for, by itself and by what was printed before it, and what was found; or nil.
    def interpret(error)
      fault = Faults.of_error(error.class.name, "#{error.message}\n#{@log.text}")
      fault && [fault, error.respond_to?(:found) ? error.found : found_in(fault)]
    end

    def finished(stopped)
      failed = stopped.is_a?(SystemExit) && !stopped.success?
      return @progress&.step(5, "#{@system.workbench[:title]} is running") unless failed

      # With the code of a fault that was told, so that the launcher does not tell one again.
      fail_with(Faults.find("NB-V99")) unless @mode == "status"
    end

    # What the guest's own last words say: "notebox: failed: STEP: ADVICE".
    def found_in(fault)
      return {} unless fault["id"] == "setup"

      step = @log.text.scan(/notebox: failed: ([^:\n]+):/).flatten.last
      step ? { step: "at “#{step}”" } : {}
    end

    def check
      results = @checks.run
      results.each { |result| @log.show(line(result)) }
      failed = results.select(&:failed?)
      failed.each do |result|
        @log.show("\n#{result.sentences.join("\n")}\nCode for IT: #{result.fault['code']}\n")
      end
      write(results)
      counts = results.group_by { |result| result.answer.status }
      @log.show("\n#{WORDS.map { |status, word| "#{counts.fetch(status, []).size} #{word}" }.join(', ')}\n")
      @log.show("Log: #{@log.open}\n") unless failed.empty?
      exit(failed.empty? ? 0 : Faults.table["exits"]["check-failed"])
    end

    def report
      write(@checks.run)
      saved = Report.new(@system.root)
      # Listed first: whoever does not want it written can close the window.
      @log.show("#{saved.listing}\n")
      @log.show("Saved: #{saved.write}\nPlease send this file to your IT desk.\n")
      exit 0
    rescue SystemCallError => e
      @log.show("The report could not be written: #{e.message}\n")
      exit Faults.table["exits"]["refused"]
    end

    def line(result)
      "#{WORDS.fetch(result.answer.status).ljust(14)}  #{result.fault['code']}  #{result.fault['title']}: #{result.answer.seen}\n"
    end

    def write(results)
      checks = results.map do |result|
        { code: result.fault["code"], id: result.fault["id"], title: result.fault["title"],
          status: result.answer.status, seen: result.answer.seen, sentences: result.failed? ? result.sentences : [] }
      end
      folder = File.join(@system.root, ".notebox")
      FileUtils.mkdir_p(folder)
      File.write(File.join(folder, "check.json"), "#{JSON.pretty_generate(version: 1, checks: checks)}\n")
    rescue SystemCallError
      nil # a folder that cannot be written is one of the faults that were told
    end
  end
end
