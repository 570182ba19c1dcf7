# Stand-in for Vagrant's file of the same name.
module Vagrant
  module Util
    class Platform
      def self.windows?
        false
      end
    end
  end
end
