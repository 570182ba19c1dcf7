# What a VM alone holds (the account's home folder, what pip installed, tokens, databases): fetched from it, and put into
# another one, through Vagrant's own SSH. What is done in the VM is provision/keep.sh's, which is sent there, so that a VM
# of an older hand-out can be saved, too. Pieces are packed tars; they lie in a folder of this computer meanwhile.

require "fileutils"

require_relative "failure"

module Notebox
  class VmWork
    PLACE = "/home/vagrant/.notebox-keep".freeze
    # Beside what has to lie in the VM for a moment.
    SPARE = 128 * 1024 * 1024
    # What keep.sh prints before all else.
    MARK = "NOTEBOX-KEEP-1\n".freeze
    # A tar's header has no room for a larger number (backup_file.rb).
    LARGEST = 8 * 1024**3
    # A connection that breaks is made anew; whatever was asked can be asked again.
    ATTEMPTS = 3
    PAUSE = 5 # seconds
    NAME = /[a-z][a-z0-9-]{0,39}/.freeze

    # What tar says of files that could not be read, or not while they stood still (src/keep/save.ts reads the same).
    UNREAD = /\Atar: (.*?): (?:Warning: )?(Cannot .*|Read error .*|file changed as we read it|File (?:removed|shrank) .*)\z/.freeze
    # Characters of a path that are told, and how many lines.
    LINE = 1000
    TOLD = 20

    Piece = Struct.new(:name, :file, :kind, :service)

    # Lines about what could not be read, so far.
    attr_reader :unread

    # `script` is the text of keep.sh.
    def initialize(machine, script)
      @machine = machine
      @script = script
      @unread = []
    end

    # Services rest, and go on resting when what is given has a result: the VM stops or goes then, and what somebody wrote
    # in it meanwhile would be lost.
    def at_rest
      within do
        whole = false
        begin
          # One that is broken must not keep the rest from being saved.
          keep("stop")
          result = yield
          whole = !result.nil?
          result
        ensure
          keep("start") unless whole || !@machine.communicate.ready?
        end
      end
    end

    # Pieces in `folder`, which has to be there; nil when the VM was never set up. Raises a Failure.
    def fetch(folder)
      within do
        look
        next nil unless one("account") == "yes"

        require_room
        pieces = [take(folder, "tokens.txt", "tokens", packed: false), take(folder, "home.tar.gz", "home")]
        pieces << take(folder, "python.tar.gz", "python") if one("python-bytes").to_i.positive?
        services("save").each do |kind, name|
          pieces << take(folder, "services/#{name}.tar.gz", "save", kind, name)
        end
        all("left").grep(/\A#{NAME}\z/).each { |name| pieces << take(folder, "left/#{name}.tar.gz", "left", name) }
        pieces
      end
    end

    # Gives back lines about what had to be left out. `python` is that of the VM the pieces come from.
    def put(pieces, python)
      within do
        look
        left = []
        keep!("stop")
        begin
          give(pieces, "tokens.txt", "put-tokens", packed: false)
          give(pieces, "home.tar.gz", "put-home")
          fits = python == self.python
          give(pieces, "python.tar.gz", "put-python") if fits
          left << "what pip installed (it is for another Python)" if !fits && pieces.any? { |piece| piece.name == "python.tar.gz" }
        ensure
          # Also after a failure: whoever looks into it wants the workbench back.
          keep("start")
        end
        takes = services("load")
        pieces.select(&:service).each do |piece|
          service = taker(piece, pieces, takes)
          next left << "what #{piece.service} held (there is no such service any more; it is in the backup)" if service.nil?

          give(pieces, piece.name, "load", piece.kind, service)
        end
        left + pieces.map { |piece| piece.name[%r{\Aleft/(.*)\.tar\.gz\z}, 1] }.compact.map do |name|
          "what #{name} had left, which was no service any more (it is in the backup)"
        end
      end
    end

    # Version and kind of machine, as the VM says; what pip installed fits these only.
    def python
      [one("python"), one("machine")]
    end

    # Whether services rest since a save that did not come to its end.
    def self.resting?(machine)
      machine.communicate.sudo("test -e /run/notebox-resting", error_check: false).zero?
    end

    def rouse
      within { keep("start") }
    end

    # Names of services that do not run.
    def resting
      within { keep("resting").last.to_s.delete_prefix(MARK).split("\n").grep(/\A#{NAME}\z/) }
    end

    private

    def within
      return yield if @inside

      begin
        @inside = true
        sudo!("rm -rf #{PLACE} && install -d -m 0700 -o vagrant -g vagrant #{PLACE}")
        upload_script
        yield
      ensure
        @inside = false
        @machine.communicate.sudo("rm -rf #{PLACE}", error_check: false) if @machine.communicate.ready?
      end
    end

    def upload_script
      local = File.join(@machine.env.root_path.to_s, ".notebox", ".keep.#{Process.pid}")
      File.binwrite(local, @script)
      again { @machine.communicate.upload(local, "#{PLACE}/keep.sh") }
    ensure
      FileUtils.rm_f(local) if local
    end

    # What the VM says of itself: lines "WORD VALUE", the last is "end".
    def look
      text = keep!("look").delete_prefix(MARK)
      raise Failure, "The virtual machine's answer is not whole." unless text.end_with?("\nend\n")

      @told = text.split("\n")
    end

    def all(word)
      @told.map { |line| line[/\A#{word} (.*)/, 1] }.compact
    end

    def one(word)
      all(word).first.to_s
    end

    # [kind, name] of those that have something to save, or that take it back.
    def services(verb)
      all(verb).map { |line| line.match(/\A(#{NAME}) (#{NAME})\z/)&.captures }.compact
    end

    # The service of that name and kind; else, since services are renamed, the only one of its kind that takes nothing else.
    def taker(piece, pieces, takes)
      return piece.service if takes.include?([piece.kind, piece.service])

      others = takes.select { |kind, name| kind == piece.kind && pieces.none? { |one| one.service == name } }
      others.first.last if others.size == 1 && pieces.count { |one| one.service && one.kind == piece.kind } == 1
    end

    # As lines for a person.
    def unread_in(told)
      told.split("\n").map { |line| line.match(UNREAD)&.captures }.compact.map do |name, why|
        name = name.delete_prefix("./")
        "#{name.size > LINE ? "#{name[0, LINE]}…" : name}: #{why}"
      end
    end

    def require_room
      needed = [one("home").to_i, one("python-bytes").to_i].max + SPARE
      return if one("free-home").to_i >= needed

      raise Failure, "The disk of the virtual machine is too full for saving what is in it."
    end

    def take(folder, name, *words, packed: true)
      sudo!("set -o pipefail; #{command(*words)} | tail -c +#{MARK.bytesize + 1} | #{packed ? 'gzip -4' : 'cat'} >#{PLACE}/piece && chown vagrant #{PLACE}/piece")
      local = File.join(folder, *name.split("/"))
      FileUtils.mkdir_p(File.dirname(local))
      again { @machine.communicate.download("#{PLACE}/piece", local) }
      raise Failure, "What is in the virtual machine is too large for this way." if File.size(local) >= LARGEST

      Piece.new(name, local, *words.drop(1))
    end

    def give(pieces, name, *words, packed: true)
      piece = pieces.find { |one| one.name == name }
      return if piece.nil?

      again { @machine.communicate.upload(piece.file, "#{PLACE}/piece") }
      sudo!("set -o pipefail; #{packed ? 'gzip -dc' : 'cat'} #{PLACE}/piece | #{command(*words)} >/dev/null")
    end

    # Words are keep.sh's own, or have the form of NAME.
    def command(*words)
      "bash #{PLACE}/keep.sh #{words.join(' ')}"
    end

    def keep(*words)
      run(command(*words))
    end

    def keep!(*words)
      sudo!(command(*words))
    end

    def sudo!(command)
      code, told, text = run(command)
      # The last line of tar only says that there were others.
      said = told.split("\n").grep_v(/\Atar: Exiting with failure/).last
      raise Failure, "In the virtual machine: #{said || "exit code #{code}"}" unless code.zero?

      @unread.concat(unread_in(told)).slice!(TOLD..)
      text
    end

    def run(command)
      again do
        out = +""
        told = +""
        code = @machine.communicate.sudo(command, error_check: false) { |type, data| (type == :stdout ? out : told) << data }
        [code, *[told, out].map { |text| text.force_encoding("UTF-8").scrub("?") }]
      end
    end

    def again
      tries = 0
      begin
        yield
      rescue IOError, SystemCallError, Vagrant::Errors::NetSSHException, Vagrant::Errors::SSHDisconnected => e
        raise if (tries += 1) == ATTEMPTS

        @machine.ui.detail("The connection to the virtual machine broke (#{e.message}); trying again.")
        sleep PAUSE
        retry
      end
    end
  end
end
