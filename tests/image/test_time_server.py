import socket
import struct
import time

from tests.image.time_server import time_server

TO_1970_S = 2_208_988_800


def test_it_tells_the_time_to_who_asks() -> None:
    cookie = 0x0123456789ABCDEF
    with time_server(0) as port, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(10)
        client.sendto(struct.pack("!B39xQ", 4 << 3 | 3, cookie), ("127.0.0.1", port))
        said = client.recv(100)
    flags, stratum, origin, received, sent = struct.unpack("!BB22xQQQ", said)
    assert (flags & 7, flags >> 3 & 7, flags >> 6) == (4, 4, 0)
    assert 1 <= stratum < 16
    assert origin == cookie
    assert received == sent
    assert abs(sent / 2**32 - TO_1970_S - time.time()) < 60


def test_it_does_not_answer_what_is_no_question_and_goes_on() -> None:
    with time_server(0) as port, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(10)
        client.sendto(b"what?", ("127.0.0.1", port))
        client.sendto(bytes(48), ("127.0.0.1", port))
        assert len(client.recv(100)) == 48
