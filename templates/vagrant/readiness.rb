# Waits until a service answers this computer over HTTP, so that the page which Start opens is there: a forwarded port
# takes connections before anything in the VM does. Whether an answer is right is for `notebox verify`.

require "net/http"
require "uri"

module Notebox
  module Readiness
    LIMIT = 300 # seconds; without hardware virtualisation the first start of Jupyter takes up to one minute
    ANSWER = 10 # seconds
    PAUSE = 1

    # Raises a Failure when the time is over. Seconds. `well`: an answer that it is starting, or broken, does not count.
    def self.await(name, url, limit: LIMIT, well: false)
      over = now + limit
      until answers?(url, well: well)
        raise Failure, "The VM runs, but #{name} does not answer this computer yet (#{url})." if now > over

        sleep PAUSE
      end
    end

    def self.answers?(url, well: false)
      uri = URI(url)
      # nil: never by way of a proxy, it is this computer.
      http = Net::HTTP.new(uri.host, uri.port, nil)
      http.open_timeout = http.read_timeout = ANSWER
      answer = http.start { |connection| connection.get("#{uri.path}api") }
      !well || answer.code.to_i < 500
    rescue SystemCallError, IOError, Timeout::Error, Net::ProtocolError, Net::HTTPBadResponse
      false
    end

    def self.now
      Process.clock_gettime(Process::CLOCK_MONOTONIC)
    end
    private_class_method :answers?
  end
end
