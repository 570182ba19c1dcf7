# Checks of the doors of the share, before anything is downloaded: whether one answers, lets this account in, and gives a
# catalog that Vagrant takes and that has a box for this computer. Asked with curl, because Vagrant asks with curl.

require "digest"
require "json"

require_relative "doors"
require_relative "host_answers"

module Notebox
  module HostChecksShare
    include HostAnswers

    # curl's exit codes (curl(1)): what could not be done on the way to an answer.
    CURL_FAULTS = { 5 => "proxy", 97 => "proxy", 35 => "certificate", 51 => "certificate", 58 => "certificate",
                    60 => "certificate", 77 => "certificate", 83 => "certificate", 90 => "certificate", 91 => "certificate" }.freeze
    STATUS_FAULTS = { 401 => "door-account", 403 => "door-account", 405 => "door-type", 407 => "proxy", 501 => "door-type" }.freeze
    # Windows' error numbers for a share that answers and refuses (net helpmsg).
    REFUSED = "\\b(5|86|1219|1272|1326|1331|2242)\\b".freeze
    CHECKSUMS = %w[md5 sha1 sha256 sha384 sha512].freeze
    # A file server that is gone blocks whoever asks for its files, on Windows for a minute.
    FILE_SECONDS = 5

    # What came out at one door: which fault (nil: none), the evidence, and the catalog's text where it was had.
    Probe = Struct.new(:door, :fault, :seen, :text)

    # door, door-account, door-type, proxy, certificate: the same probes, seen under one aspect each.
    def door(aspect)
      box = @system.workbench[:box]
      return failed("the workbench names no share") if aspect == "door" && box[:doors].empty? && !box[:registry] && !box_installed?

      reason = no_doors
      return not_applicable(reason) if reason

      chosen = chosen_door
      return failed("#{chosen.door}: #{chosen.seen}", {}, stops_without_door?) if chosen.fault == aspect
      return not_applicable("no door answers") if chosen.fault == "door"
      return not_applicable("#{chosen.door} is no web address") if %w[door-type certificate proxy].include?(aspect) && !web?(chosen.door)

      passed(chosen.door)
    end

    def catalog
      with_catalog do |data|
        name = @system.workbench[:box][:name]
        versions = Array(data["versions"]).map { |one| one["version"].to_s }
        wrong = versions.find { |version| version !~ /\A\d+(\.\d+)*\z/ }
        next failed("it is for #{data['name']}", fault: "it is the list of #{data['name']}") if data["name"] != name
        next failed("version #{wrong}", fault: "“#{wrong}” is no version") if wrong
        next failed("no version", fault: "it is empty") if versions.empty?

        passed("#{name} #{versions.join(', ')}")
      end
    end

    # Without one Vagrant compares nothing and goes on; one of a type that it does not know it refuses after the download.
    def checksum
      with_catalog do |data|
        wrong = boxes(data).find { |box| box["checksum"] && !CHECKSUMS.include?(box["checksum_type"]) }
        next failed("#{wrong['url']}: checksum_type #{wrong['checksum_type'].inspect}") if wrong

        none = boxes(data).find { |box| box["checksum"].to_s.empty? }
        none ? failed("#{none['url']}: no checksum", {}, false) : passed("all boxes have one")
      end
    end

    # Up to 2.3 Vagrant takes any box, whatever it is for. A box without an architecture is for amd64.
    def architecture
      with_catalog do |data|
        host = @system.architecture
        kinds = boxes(data).map { |box| box["architecture"] || "amd64" }.uniq
        next passed("#{host}: the share has a box") if kinds.include?(host) || kinds.include?("unknown") || kinds.empty?

        failed("#{host}; the share has boxes for #{kinds.join(', ')}", host: host == "arm64" ? "an ARM" : "a #{host}", boxes: kinds.join(" and "))
      end
    end

    # A download that was finished and not unpacked: Vagrant asks for what comes after its end (box_add.rb: tmp/box<SHA-1>).
    def download
      with_catalog do |_data|
        stuck = stuck_downloads
        stuck.empty? ? passed("none") : failed(stuck.map { |file| File.basename(file) }.join(", "), folder: File.dirname(stuck.first))
      end
    end

    def stuck_downloads
      return [] if no_doors || chosen_door.fault

      boxes(parsed(chosen_door) || {}).map { |box| box["url"].to_s }.select { |url| web?(url) }.map do |url|
        file = File.join(@system.vagrant_home, "tmp", "box#{Digest::SHA1.hexdigest(url)}")
        file if File.size?(file) && File.size(file) >= length_of(url)
      end.compact
    end

    def registry
      box = @system.workbench[:box]
      return not_applicable("there is no workbench here") if box[:name].nil?
      return passed("a share of your own") unless box[:registry]
      return not_applicable("the box is installed already") if box_installed?

      ends = Faults.table["registryEnds"]
      @system.now.utc.strftime("%Y-%m-%d") >= ends ? failed("stopped on #{ends}") : passed("until #{ends}")
    end

    # Vagrant keeps boxes/NAME/VERSION/[ARCHITECTURE/]PROVIDER, with / in the name written as -VAGRANTSLASH-.
    def box_installed?
      name = @system.workbench[:box][:name].to_s.gsub("/", "-VAGRANTSLASH-")
      name = name.gsub(":", "-VAGRANTCOLON-") if @system.windows?
      places = File.join(@system.vagrant_home.tr("\\", "/"), "boxes", name, "*", "{,*/}#{@system.provider}", "metadata.json")
      !Dir.glob(places).empty?
    end

    private

    def no_doors
      return "there is no workbench here" if @system.workbench[:box][:name].nil?
      return "the workbench names no share" if @system.workbench[:box][:doors].empty?

      "the box is installed already" if box_installed?
    end

    # The first door without a fault; else the first that at least answered.
    def chosen_door
      @chosen_door ||= begin
        probes = @system.workbench[:box][:doors].lazy.map { |door| probe(door) }
        seen = []
        good = probes.find { |one| seen << one && one.fault.nil? }
        good || seen.find { |one| one.fault != "door" } || seen.first
      end
    end

    def stops_without_door?
      !@system.workbench[:box][:registry]
    end

    def web?(address)
      address.match?(%r{\Ahttps?://}i)
    end

    def probe(door)
      web?(door) ? probe_web(door) : probe_file(door)
    end

    def probe_web(door)
      ran = curl("--head", "--connect-timeout", "2", "--max-time", "5", "--write-out", "\n%{http_code} %{content_type}", door)
      return Probe.new(door, "door", "curl is missing or does not end") unless ran

      words = ran.text.strip.lines.last.to_s
      status, type = words.match(/\A(\d{3}) ([^\s;]*)/).to_a.drop(1)
      told = ran.text[/^curl: .*/].to_s
      return Probe.new(door, "proxy", told) if told.match?(/CONNECT tunnel failed|response 407/)
      return Probe.new(door, CURL_FAULTS.fetch(ran.code, "door"), told.empty? ? "curl ended with #{ran.code}" : told) if ran.code != 0

      fault = STATUS_FAULTS[status.to_i] || ("door" if status.to_i >= 400) || ("door-type" if type != "application/json")
      return Probe.new(door, fault, "it answers #{status}, as #{type.to_s.empty? ? 'no type at all' : type}") if fault

      Probe.new(door, nil, "it answers", curl("--fail", "--max-time", "15", "--max-filesize", "20971520", door)&.text)
    end

    def curl(*arguments)
      @system.run("curl", "-q", "--silent", "--show-error", "--location", "--globoff", "--max-redirs", "10", *arguments)
    end

    def probe_file(door)
      path = door.match?(%r{\Afile://}i) ? Doors.path_of(door) : door
      text = Thread.new { @system.read(path) }.join(FILE_SECONDS)&.value
      return Probe.new(door, nil, "it can be read", text) if text

      host = Doors.file_server(path, windows: @system.windows?)
      told = host && @system.run("net", "view", "\\\\#{host}")&.text.to_s
      refused = told && line_with(REFUSED, told)
      Probe.new(door, refused ? "door-account" : "door", refused || "there is no such file, or its server does not answer")
    end

    def with_catalog
      reason = no_doors
      return not_applicable(reason) if reason
      return not_applicable("no door gives its catalog") if chosen_door.fault

      data = parsed(chosen_door)
      data ? yield(data) : failed("#{chosen_door.door} is no JSON", fault: "it cannot be read")
    end

    def parsed(probe)
      data = JSON.parse(probe.text.to_s)
      data.is_a?(Hash) ? data : nil
    rescue JSON::ParserError
      nil
    end

    # Of the newest version, for the provider that is used here.
    def boxes(data)
      newest = Array(data["versions"]).select { |one| one["version"].to_s.match?(/\A\d+(\.\d+)*\z/) }
                                      .max_by { |one| Gem::Version.new(one["version"]) }
      Array(newest && newest["providers"]).select { |box| box["name"] == @system.provider }
    end

    def length_of(url)
      text = curl("--head", "--connect-timeout", "2", "--max-time", "5", url)&.text.to_s
      text.scan(/^content-length: *(\d+)/i).flatten.last&.to_i || Float::INFINITY
    end
  end
end
