"""TLS in front of a program on a port of this machine, with the certificate of an authority of its own (trustme).

`--authority FOLDER` makes the authority (ca.pem) and a certificate of it for localhost (server.pem); `FOLDER PORT` prints the
port on which it then listens, and hands what comes on to that PORT.
"""

import asyncio
import pathlib
import ssl
import sys

import trustme


def authority(folder):
    made = trustme.CA()
    made.cert_pem.write_to_path(folder / "ca.pem")
    made.issue_cert("localhost", "127.0.0.1").private_key_and_cert_chain_pem.write_to_path(folder / "server.pem")


async def pump(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except (ConnectionError, ssl.SSLError):
        pass
    finally:
        writer.close()


async def serve(folder, port):
    async def handed_on(reader, writer):
        behind = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(pump(reader, behind[1]), pump(behind[0], writer))

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    server = await asyncio.start_server(handed_on, "127.0.0.1", 0, ssl=context)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if sys.argv[1] == "--authority":
    authority(pathlib.Path(sys.argv[2]))
else:
    asyncio.run(serve(pathlib.Path(sys.argv[1]), int(sys.argv[2])))
