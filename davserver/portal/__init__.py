"""The portal: the committee drives as pages for people, in German and English; reaches them through the door alone."""
