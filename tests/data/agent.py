"""An agent, by the Model Context Protocol's own client: from "which claim is least tested" to its comment on the verdict.

    agent.py ADDRESS TOKEN SPECIFICATION
"""

import asyncio
import json
import sys

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

ADDRESS, TOKEN, SPECIFICATION = sys.argv[1], sys.argv[2], open(sys.argv[3]).read()


async def tool(client, name, expect_error=False, **arguments):
    result = await client.call_tool(name, arguments)
    assert result.is_error == expect_error, (name, result)
    return json.loads(result.content[0].text)


async def main():
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with httpx2.AsyncClient(headers=headers, timeout=30) as http:
        async with Client(streamable_http_client(ADDRESS, http_client=http)) as client:
            tools = {one.name for one in (await client.list_tools()).tools}
            assert {"search", "propose", "register", "comment"} <= tools, tools

            claims = (await tool(client, "list_claims"))["items"]
            least = min(claims, key=lambda claim: (claim["tally"]["experiments"], claim["id"]))
            claim = await tool(client, "read_claim", id=least["id"])
            tried = await tool(client, "list_experiments", claim=claim["id"])
            assert tried["items"] == [], tried

            broken = SPECIFICATION.replace("rate = 0.25", "rate = 2", 1)
            checked = await tool(client, "check_specification", spec=broken)
            assert not checked["registrable"], checked
            assert any(problem["pointer"].startswith("/spec/arms") for problem in checked["problems"]), checked
            checked = await tool(client, "check_specification", spec=SPECIFICATION)
            assert checked["registrable"] and checked["cost"], checked

            proposed = await tool(client, "propose", claim=claim["id"], spec=SPECIFICATION, key="once")
            again = await tool(client, "propose", claim=claim["id"], spec=SPECIFICATION, key="once")
            assert again["id"] == proposed["id"], (again["id"], proposed["id"])
            number = proposed["id"]
            assert (await tool(client, "register", id=number))["state"] == "registered"
            refused = await tool(client, "register", expect_error=True, id=number)
            assert refused["status"] == 409 and refused["detail"], refused

            for _ in range(600):
                experiment = await tool(client, "read_experiment", id=number)
                if experiment["state"] == "concluded":
                    break
                await asyncio.sleep(0.1)
            outcome = experiment["verdict"]["outcome"]
            words = f"An agent's reading of #{number}: {outcome}."
            posted = await tool(client, "comment", id=claim["thread"], body=words)
            thread = await tool(client, "read_discussion", id=claim["thread"])
            assert posted["id"] in {comment["id"] for comment in thread["items"]}
            results = await tool(client, "read_discussion", id=experiment["thread"])
            assert any(comment["kind"] == "result" for comment in results["items"]), results
            print(json.dumps({"claim": claim["id"], "experiment": number, "outcome": outcome, "comment": posted["id"]}))


asyncio.run(main())
