-- Asks Keydesk about the key of a request: http-request lua.keydesk SOCKET SERVICE, where SOCKET is an address of
-- HAProxy's that leads to Keydesk. Leaves txn.keydesk_status, 0 when there was no answer, and with a 200
-- txn.keydesk_user and txn.keydesk_key, with a 401 txn.keydesk_challenge. It lets nobody in and keeps nobody out:
-- haproxy.cfg does, and takes whatever is not there for a no.

-- first returns the value of a header, or nothing when it is not there exactly once.
local function first(headers, name)
    local values = headers and headers[name]
    if values and values[0] and not values[1] then
        return values[0]
    end
end

core.register_action("keydesk", { "http-req" }, function(txn, socket, service)
    txn:set_var("txn.keydesk_status", 0)
    local given = txn.http:req_get_headers()
    -- Every line of both, so that two different keys are seen as such.
    local answer = core.httpclient():get({
        url = "http://127.0.0.1/api/v1/verify",
        dst = socket,
        headers = {
            ["authorization"] = given["authorization"],
            ["x-api-key"] = given["x-api-key"],
            ["x-forwarded-for"] = { txn.f:src() },
            ["x-keydesk-service"] = { service },
        },
    })
    txn:set_var("txn.keydesk_status", answer.status or 0)
    if answer.status == 200 then
        txn:set_var("txn.keydesk_user", first(answer.headers, "x-keydesk-user") or "")
        txn:set_var("txn.keydesk_key", first(answer.headers, "x-keydesk-key") or "")
    elseif answer.status == 401 then
        txn:set_var("txn.keydesk_challenge", first(answer.headers, "www-authenticate") or "Bearer")
    end
end, 2)
