"""All that touches the inside of aiohttp. The README of the room says why."""
