# Stand-in for Vagrant's file of the same name.
module Vagrant
  module Util
    class Downloader
      def initialize(*, **); end

      def head
        raise Errors::DownloaderError, "no network here"
      end
    end
  end
end
