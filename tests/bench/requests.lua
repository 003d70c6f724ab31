-- Sends what is in a file, round and round, and counts every answer that is not the expected one.
-- Arguments: the file (each request after its length and a line feed), the first request to send, the status and what
-- the body must contain, or the Location where there is no body. The summary goes to standard error, as JSON.
local threads = {}
local requests, position, status, containing = {}, 0, 200, ""
unexpected, first_unexpected = 0, ""

function setup(thread)
  table.insert(threads, thread)
end

function init(arguments)
  local file = assert(io.open(arguments[1], "rb"))
  for length in file:lines() do
    table.insert(requests, file:read(tonumber(length)))
  end
  file:close()
  position, status, containing = tonumber(arguments[2]), tonumber(arguments[3]), arguments[4] or ""
end

function request()
  local chosen = requests[position + 1]
  position = (position + 1) % #requests
  return chosen
end

function response(answered, headers, body)
  local place = body
  if body == "" then
    place = headers["Location"] or ""
  end
  if answered ~= status or not string.find(place, containing, 1, true) then
    unexpected = unexpected + 1
    if first_unexpected == "" then
      first_unexpected = answered .. " " .. string.sub(place, 1, 300)
    end
  end
end

local function quoted(text)
  return '"' .. string.gsub(text, '[%c"\\\128-\255]', function(found)
    return string.format("\\u%04x", string.byte(found))
  end) .. '"'
end

function done(summary, latency)
  local wrong, example = 0, ""
  for _, thread in ipairs(threads) do
    wrong = wrong + thread:get("unexpected")
    if example == "" then
      example = thread:get("first_unexpected")
    end
  end
  local failed = summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout
  io.stderr:write(string.format(
    '{"units": %d, "microseconds": %d, "p50": %d, "p95": %d, "p99": %d, "failed": %d, "unexpected": %d, "example": %s}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(95), latency:percentile(99),
    failed, wrong, quoted(example)
  ))
end
