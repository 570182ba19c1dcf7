# Writes what the people at this computer need once the VM runs, into .notebox/: endpoints.json (each service and
# its address with the real port) and open.html (leads the browser to a service's page; its owner's alone).
# Both are removed when the VM stops. It also fetches workbench.lock. The VM is not trusted: whatever comes from it
# is checked before it is written.

require "cgi"
require "fileutils"
require "json"
require "shellwords"
require "uri"

require_relative "readiness"

module Notebox
  class Endpoints
    TOKENS = "/var/lib/notebox/tokens".freeze
    LOCK = "/var/lib/notebox/workbench.lock".freeze
    # Where the home page in the VM reads what this computer alone knows: which ports Vagrant has moved.
    ADDRESSES = "/var/lib/notebox/addresses.json".freeze
    LOCK_BYTES = 1024 * 1024
    TRIES = 10
    PAUSE = 1 # seconds
    # One requirement with its version, the hashes of its files, or a remark; nothing that sends pip elsewhere.
    LOCK_LINES = [
      /\A\s*\z/,
      /\A\s*#[^\\[:cntrl:]]*\z/,
      /\A[A-Za-z0-9][A-Za-z0-9._-]*(?:\[[A-Za-z0-9._, -]*\])?\s?==\s?[A-Za-z0-9.!+_-]+(?:\s+--hash=sha256:[0-9a-f]{64})*(?:\s+\\)?\z/,
      /\A\s+--hash=sha256:[0-9a-f]{64}(?:\s+\\)?\z/,
    ].freeze

    def initialize(machine, workbench)
      @machine = machine
      @services = workbench[:services]
      @root = machine.env.root_path.to_s
      @folder = File.join(@root, ".notebox")
    end

    # Never stops `vagrant up`: the VM runs, whatever goes wrong here.
    def write
      return remove unless running?

      FileUtils.mkdir_p(@folder)
      urls = service_urls
      write_file(endpoints_path, "#{JSON.pretty_generate(endpoints(urls))}\n")
      tell_vm(urls) if @services.any? { |_, service| service[:kind] == "home" }
      write_page(urls)
      fetch_lock
    rescue StandardError => e
      @machine.ui.warn("The VM runs, but its addresses could not be written to #{@folder}: #{e.message}")
    end

    # Raises a Failure when the service whose page a person is about to see does not answer in time.
    def await_page
      name, page = front
      return unless name && running?

      @machine.ui.info("Waiting until #{page[:title]} answers")
      Readiness.await(page[:title], service_urls.fetch(name))
    end

    def remove
      [endpoints_path, page_path].each { |path| FileUtils.rm_f(path) }
    end

    # After `destroy` the answer to "are you sure?" may have been no.
    def remove_unless_running
      # A VM that is beside the one in use goes (notebox upgrade): the addresses are not its own.
      remove unless running? || ENV["NOTEBOX_BESIDE"] == "1"
    end

    # Services without a port are for what runs in the VM.
    def service_urls
      ports = host_ports
      reached = @services.select { |_, service| service[:port] }
      reached.map do |name, service|
        [name, "#{service[:scheme]}://127.0.0.1:#{ports.fetch(service[:port], service[:port])}/"]
      end.to_h
    end

    private

    def endpoints_path
      File.join(@folder, "endpoints.json")
    end

    def page_path
      File.join(@folder, "open.html")
    end

    def running?
      state = patiently { @machine.state.id.then { |id| id unless id == :inaccessible } }
      state == :running
    end

    # vagrant-libvirt calls a VM :inaccessible, and has no ssh_info of it, when libvirt has not named its address within two
    # seconds; on a busy computer that happens to one that runs.
    def patiently
      TRIES.times do
        found = yield
        return found if found

        sleep(PAUSE)
      end
      nil
    end

    def endpoints(urls)
      ssh = patiently { @machine.ssh_info } || {}
      {
        version: 1,
        provider: @machine.provider_name.to_s,
        services: @services.map { |name, service| [name, { kind: service[:kind], url: urls[name] }.compact] }.to_h,
        ssh: { host: ssh[:host], port: ssh[:port], user: ssh[:username], key: Array(ssh[:private_key_path]).first },
      }
    end

    # The service whose page opens, and that page; nil where there is none.
    def front
      pages = @services.map { |name, service| [name, service[:page]] }.select { |_, page| page }
      pages.min_by { |_, page| page[:order] }
    end

    # Guest port => host port, as they are now: Vagrant moves a port that is taken.
    def host_ports
      from_provider = @machine.provider.capability?(:forwarded_ports) && @machine.provider.capability(:forwarded_ports)
      return from_provider.invert if from_provider

      configured_ports.merge(libvirt_ports)
    end

    def configured_ports
      forwarded = @machine.config.vm.networks.select { |type, _| type == :forwarded_port }
      forwarded.map { |_, options| [options[:guest], options[:host]] }.to_h
    end

    # vagrant-libvirt forwards with one ssh a port, and notes both ports in the names of its files only
    # (vagrant-libvirt/action/forward_ports.rb).
    def libvirt_ports
      pids = Dir[@machine.data_dir.join("pids", "ssh_*.pid").to_s].map { |file| file[/ssh_(\d+)\.pid\z/, 1] }
      logs = Dir[@machine.data_dir.join("logs", "ssh-forwarding-*.log").to_s].sort_by { |file| File.mtime(file) }
      logs.each_with_object({}) do |file, ports|
        host, guest = File.basename(file).match(/_(\d+)-.*_(\d+)\.log\z/).to_a.drop(1)
        ports[guest.to_i] = host.to_i if pids.include?(host)
      end
    end

    # Each service's port on this computer, and its page with {token} in it: the VM has the tokens.
    def tell_vm(urls)
      told = urls.map do |name, url|
        page = @services.fetch(name)[:page]
        [name, { port: URI(url).port, title: page && page[:title], page: page && page[:address] }.compact]
      end
      text = Shellwords.escape(JSON.generate(told.to_h))
      code = @machine.communicate.sudo("printf %s #{text} >#{ADDRESSES}.part && mv -f #{ADDRESSES}.part #{ADDRESSES}", error_check: false)
      return if code.zero?

      @machine.ui.warn("The home page could not be told its links. Run `vagrant provision`.")
    end

    def write_page(urls)
      name, page = front
      return FileUtils.rm_f(page_path) unless name

      token = read_token(name)
      if token
        address = page[:address].sub("{token}") { URI.encode_www_form_component(token) }
        write_file(page_path, html(page[:title], "#{urls.fetch(name)}#{address}"))
      else
        FileUtils.rm_f(page_path)
        @machine.ui.warn("#{page[:title]} has no token yet, so #{page_path} was not written. Run `vagrant provision`.")
      end
    end

    # The browser must not tell the next page where it came from: the address holds the token.
    def html(title, url)
      <<~HTML
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="referrer" content="no-referrer">
        <meta http-equiv="refresh" content="0; url=#{CGI.escapeHTML(url)}">
        <title>Opening #{CGI.escapeHTML(title)}</title>
        </head>
        <body><p><a rel="noreferrer" href="#{CGI.escapeHTML(url)}">Open #{CGI.escapeHTML(title)}</a></p></body>
        </html>
      HTML
    end

    def read_token(name)
      token = read_from_vm("cat #{TOKENS}/#{name}").to_s.strip
      token =~ /\A[A-Za-z0-9_-]{16,256}\z/ ? token : nil
    end

    def fetch_lock
      text = read_from_vm("head -c #{LOCK_BYTES + 1} #{LOCK}")
      return if text.nil? || text.empty?

      path = File.join(@root, "workbench.lock")
      unless lock?(text)
        return @machine.ui.warn("The VM's workbench.lock holds more than versions and hashes, so it was not taken over.")
      end

      write_file(path, text, 0o644) unless File.file?(path) && File.binread(path) == text.b
    end

    def lock?(text)
      text.bytesize <= LOCK_BYTES && text.valid_encoding? &&
        text.each_line(chomp: true).all? { |line| LOCK_LINES.any? { |form| line.match?(form) } }
    end

    # Standard output of a command as root in the VM, or nil when it failed.
    def read_from_vm(command)
      text = +""
      code = @machine.communicate.sudo(command, error_check: false) { |type, data| text << data if type == :stdout }
      code.zero? ? text.force_encoding("UTF-8") : nil
    end

    # Whole or not at all, and never readable by others in between.
    def write_file(path, text, mode = 0o600)
      part = File.join(@folder, ".#{File.basename(path)}.#{Process.pid}")
      FileUtils.rm_f(part)
      File.open(part, File::WRONLY | File::CREAT | File::EXCL | File::BINARY, mode) { |file| file.write(text) }
      File.rename(part, path)
    ensure
      FileUtils.rm_f(part)
    end
  end
end
