"""Reads a feed from standard input, as feed readers do, and prints what it found as JSON."""

import json
import sys

import feedparser

feed = feedparser.parse(sys.stdin.buffer.read())
json.dump(
    {
        "version": feed.version,
        # Whether it is no well-formed XML.
        "broken": bool(feed.bozo),
        "id": feed.feed.get("id"),
        "title": feed.feed.get("title"),
        "subtitle": feed.feed.get("subtitle"),
        "updated": feed.feed.get("updated"),
        "links": {link.rel: link.href for link in feed.feed.get("links", [])},
        "entries": [
            {
                "id": entry.get("id"),
                "title": entry.get("title"),
                "link": entry.get("link"),
                "author": entry.get("author"),
                "updated": entry.get("updated"),
                "outcome": [tag.term for tag in entry.get("tags", [])],
                "content": entry.content[0].value if entry.get("content") else "",
            }
            for entry in feed.entries
        ],
    },
    sys.stdout,
)
