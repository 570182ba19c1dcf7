# Chooses the door of the share that Vagrant fetches the box from: the first in the list that answers.
# Vagrant cannot do that itself, because it refuses a list of catalogs in box_url. It is asked only when the
# box is needed and not installed; what follows (download, checksum, unpacking) is Vagrant's own work.

require "socket"
require "uri"
require "vagrant/util/downloader"
require "vagrant/util/platform"

require_relative "box_beside"
require_relative "failure"

module Notebox
  module Doors
    CONNECT_SECONDS = 2
    ANSWER_SECONDS = 5
    SMB_PORT = 445

    # Sets box_url to the catalog of the first door that answers.
    # `box` is the Vagrantfile's: name, doors (addresses of catalogs) and whether the public registry may be asked.
    def self.choose(machine, box)
      return if machine.id || machine.box # the VM exists, or a box that fits is installed

      faults = {}
      [BoxBeside.catalog(machine.env.root_path.to_s, box[:name]), *box[:doors]].compact.each do |catalog|
        fault = fault_of(catalog)
        return use(machine, catalog, faults) unless fault

        faults[catalog] = fault
      end
      raise Failure, nothing_found(box, faults) unless box[:registry]

      warn_of(machine, faults)
      machine.config.vm.box_url = nil # Vagrant takes the public registry
    end

    # Why this catalog cannot be used, or nil when it can.
    def self.fault_of(catalog)
      case catalog
      when %r{\Ahttps?://}i then http_fault(catalog)
      when %r{\Afile://}i then file_fault(path_of(catalog))
      else file_fault(catalog)
      end
    end

    # The path that a file: address stands for; before a Windows drive it has a slash that paths have not.
    def self.path_of(address)
      URI.decode_www_form_component(address[7..-1].gsub("+", "%2B")).sub(%r{\A/(?=[A-Za-z]:)}, "")
    end

    # Asks as Vagrant will ask, with Vagrant's own curl: the same proxies, the same certificates, and the same
    # test for a catalog, which is the content type of the last answer (vagrant/action/builtin/box_add.rb).
    def self.http_fault(url)
      limits = ["--connect-timeout", CONNECT_SECONDS.to_s, "--max-time", ANSWER_SECONDS.to_s]
      headers = Vagrant::Util::Downloader.new(url, nil, box_extra_download_options: limits).head
      type = headers.scan(/^content-type:[ \t]*([^;\r\n]*)/i).flatten.last.to_s.strip
      return nil if type == "application/json"

      "it answers, but as #{type.empty? ? 'no type at all' : type}; a catalog must come as application/json"
    rescue Vagrant::Errors::DownloaderError => e
      e.extra_data[:message].to_s.strip.lines.last.to_s.strip
    end

    def self.file_fault(path)
      host = file_server(path)
      return "the file server #{host} does not answer" if host && !file_server_answers?(host)

      return nil if File.file?(path)
      return "there is no such file" unless path.start_with?("//") && !Vagrant::Util::Platform.windows?

      "there is no such file (on this system //server/share is an ordinary path: mount the share and name its folder)"
    end

    # The host of a UNC path on Windows. Elsewhere //host/share is an ordinary path, looked up at once.
    def self.file_server(path, windows: Vagrant::Util::Platform.windows?)
      windows ? path[%r{\A[/\\]{2}([^/\\?.][^/\\]*)[/\\]}, 1] : nil
    end

    # Windows waits for a dead file server for a minute or more, and Ruby with it; so its port is tried first,
    # in a thread, because looking up the name may hang as well.
    def self.file_server_answers?(host, port: SMB_PORT)
      probe = Thread.new do
        Socket.tcp(host, port, connect_timeout: CONNECT_SECONDS).close
        true
      rescue SystemCallError, SocketError
        false
      end
      probe.report_on_exception = false
      answered = probe.join(CONNECT_SECONDS * 2) && probe.value
      probe.kill
      answered ? true : false
    end

    def self.use(machine, catalog, faults)
      warn_of(machine, faults)
      machine.config.vm.box_url = [catalog]
    end

    def self.warn_of(machine, faults)
      faults.each { |catalog, fault| machine.ui.warn("#{catalog} cannot be used: #{fault}.") }
    end

    def self.nothing_found(box, faults)
      return "The workbench names no share that has the box #{box[:name]}." if faults.empty?

      <<~TEXT
        The box #{box[:name]} is not on this computer yet, and no door of the share gives it:
        #{faults.map { |catalog, fault| "  #{catalog}: #{fault}" }.join("\n")}
        Check that this computer is on the right network (or in the VPN) and start again.
        If that does not help, show this message to the people who keep the share.
      TEXT
    end
  end
end
