"""What the clients of Nextcloud and ownCloud ask for beside WebDAV; reaches names and bytes through the door only."""
