"""All that touches a platform: discover posts, download their media, see whether they are still up."""
