// wobble analyze, capture and replay, run as a person runs them.
#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "api/rows/connection_json.h"
#include "tests/capture/conversation.h"
#include "tests/cli/fake_daemon.h"
#include "tests/cli/run_wobble.h"

namespace wobble::test {
namespace {

using captures::Bytes;
using captures::operator+;
using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;
using testing::SizeIs;

std::set<std::string> keys_of(const json& object) {
  std::set<std::string> keys;
  for (const auto& [key, value] : object.items()) keys.insert(key);
  return keys;
}

class CaptureCommands : public testing::Test {
 protected:
  CaptureCommands() { std::filesystem::create_directories(folder_); }
  ~CaptureCommands() override { std::filesystem::remove_all(folder_); }

  std::string write(const std::string& name, const Bytes& bytes) {
    const std::string path = folder_ + "/" + name;
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    return path;
  }
  Bytes read(const std::string& name) {
    std::ifstream file(folder_ + "/" + name, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    return {text.begin(), text.end()};
  }
  std::string path(const std::string& name) { return folder_ + "/" + name; }

  std::string folder_ = testing::TempDir() + "wobble-commands-" + std::to_string(::getpid());
  const Bytes capture_ = captures::raw_pcap(captures::orderly());
};

TEST_F(CaptureCommands, analyze_prints_a_table_and_what_it_read) {
  const Ran ran = run_wobble({"analyze", write("a.pcap", capture_)});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_EQ(ran.out, R"(id  client           state      |  server        state    age   rtt  retrans  dropped  end
 1  10.77.0.1:40000  TIME_WAIT  |  10.77.1.1:80  CLOSED  9 ms  2 ms        0        0  orderly by client

1 connections: 1 orderly; 0 other flows
10 frames, 10 IP packets in 9 ms
)");
}

TEST_F(CaptureCommands, analyze_json_is_the_apis_shape_with_transitions) {
  using namespace packets;
  std::vector<captures::Captured> packets = captures::orderly();
  packets.push_back({with_checksum(ipv4(kUdp, udp(5353, 53, Bytes(20, 'd')))), 20'000'000});
  const Ran ran =
      run_wobble({"analyze", write("a.pcap", captures::raw_pcap(packets)), "--json", "--checksums", "ignore"});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  const json document = json::parse(ran.out);
  ASSERT_THAT(document["connections"], SizeIs(1));
  ASSERT_THAT(document["flows"], SizeIs(1));
  const json& connection = document["connections"][0];
  EXPECT_EQ(connection["client"]["port"], 40000);
  EXPECT_EQ(connection["end"], "orderly");
  EXPECT_EQ(connection["link"], "a.pcap");
  ASSERT_THAT(connection["transitions"], SizeIs(10));
  const json& last = connection["transitions"][9];
  EXPECT_EQ(last["to"], "CLOSED");
  EXPECT_EQ(last["row"], 25);
  EXPECT_EQ(last["at"], "2023-11-14T22:13:20.009000000Z");
  EXPECT_EQ(last["segment"]["flags"], "ACK");
  const json& flow = document["flows"][0];
  EXPECT_EQ(flow["protocol"], "udp");
  EXPECT_EQ(flow["first_packet_at"], "2023-11-14T22:13:20.020000000Z");
  EXPECT_EQ(keys_of(flow), keys_of(api::flow_json({})));
  json without_transitions = connection;
  without_transitions.erase("transitions");
  EXPECT_EQ(keys_of(without_transitions), keys_of(api::to_json(api::ConnectionRow{})));
}

TEST_F(CaptureCommands, analyze_names_damage_and_uses_what_stood_before) {
  Bytes cut = capture_;
  cut.resize(cut.size() - 5);
  const std::string file = write("cut.pcap", cut);
  const Ran ran = run_wobble({"analyze", file, "--json"});
  EXPECT_EQ(ran.exit_code, 4);
  EXPECT_EQ(ran.err, "wobble: " + file + ": a frame is cut off, at byte " + std::to_string(capture_.size() - 40) +
                         "; what stood before it was analysed\n");
  EXPECT_THAT(json::parse(ran.out)["connections"], SizeIs(1));
}

TEST_F(CaptureCommands, analyze_refuses_what_it_cannot_read) {
  EXPECT_EQ(run_wobble({"analyze", path("none.pcap")}).exit_code, 1);
  EXPECT_EQ(run_wobble({"analyze", folder_}).exit_code, 1);
  EXPECT_THAT(run_wobble({"analyze", write("text", {'h', 'e', 'l', 'l', 'o'})}).err, HasSubstr("it is no capture"));
  const captures::Order o;
  const Bytes usb = captures::pcap_header(o, 0xa1b2c3d4, 220) + captures::pcap_frame(o, 1, 0, Bytes(50, 1));
  const Ran ran = run_wobble({"analyze", write("usb.pcap", usb)});
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_THAT(ran.err, AllOf(HasSubstr("link type 220 is not read"), HasSubstr("Ethernet (1)")));
  EXPECT_EQ(run_wobble({"analyze", write("a.pcap", capture_), "--checksums", "maybe"}).exit_code, 2);
}

TEST_F(CaptureCommands, replay_gives_the_same_bytes_each_time) {
  const std::string in = write("in.pcap", capture_);
  const std::vector<std::string> words = {"replay", in, "--both", "delay 80ms 10ms loss 10%", "--seed", "3", "-o"};
  const auto to = [&](const char* name) {
    std::vector<std::string> all = words;
    all.push_back(path(name));
    return run_wobble(all);
  };
  EXPECT_THAT(to("one.pcap").out, HasSubstr("10 frames, 0 of them left out\n  up: 6 in, "));
  EXPECT_EQ(to("two.pcap").exit_code, 0);
  EXPECT_EQ(read("one.pcap"), read("two.pcap"));
  EXPECT_EQ(to("three.pcapng").exit_code, 0);
  const Ran ran = run_wobble({"analyze", path("three.pcapng"), "--json"});
  EXPECT_EQ(json::parse(ran.out)["connections"][0]["link"], "replay");
}

TEST_F(CaptureCommands, replay_takes_conditions_as_words_json_and_files) {
  const std::string in = write("in.pcap", capture_);
  const std::string profile = R"({"up": {"delay": "5ms"}})";
  const std::string file = write("profile.json", {profile.begin(), profile.end()});
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.begin(), {"replay", in, "-o", path("out.pcap")});
    EXPECT_EQ(run_wobble(more).exit_code, 0);
    return read("out.pcap");
  };
  const Bytes words = with({"--up", "delay 5ms"});
  EXPECT_NE(words, capture_);
  EXPECT_EQ(with({"--profile", profile}), words);
  EXPECT_EQ(with({"--profile", file}), words);
  EXPECT_EQ(with({"--up", R"({"delay": "5ms"})"}), words);
  EXPECT_EQ(with({"--profile", "delay 5ms", "--down", "delay 0ms"}).size(), words.size());
}

TEST_F(CaptureCommands, replay_refuses_to_write_over_what_it_reads) {
  const std::string in = write("in.pcap", capture_);
  std::filesystem::create_symlink(in, path("link.pcap"));
  std::filesystem::create_hard_link(in, path("other.pcap"));
  for (const std::string& out : {in, path("link.pcap"), path("other.pcap"), folder_ + "/./in.pcap"}) {
    const Ran ran = run_wobble({"replay", in, "-o", out});
    EXPECT_EQ(ran.exit_code, 2) << out;
    EXPECT_THAT(ran.err, HasSubstr("this is the capture that is read; write to another file"));
  }
  EXPECT_EQ(run_wobble({"replay", path("link.pcap"), "-o", in}).exit_code, 2);
  EXPECT_EQ(read("in.pcap"), capture_);
}

TEST_F(CaptureCommands, analyze_counts_what_it_read_and_what_not) {
  const captures::Order o;
  using packets::be16;
  const Bytes arp = Bytes(12, 2) + be16(0x0806) + Bytes(28, 0);
  captures::Conversation c;
  Bytes file = captures::pcap_header(o, 0xa1b2c3d4, 1);
  const Bytes lone = Bytes(12, 2) + be16(0x0800) + c.client(tcp_flag::kRst, 7, 0);
  for (const Bytes& frame : {arp, arp, lone}) file = file + captures::pcap_frame(o, 1, 0, frame);
  const std::string path = write("a.pcap", file);
  const json counts = json::parse(run_wobble({"analyze", path, "--json"}).out)["counts"];
  EXPECT_EQ(counts["frames"], 3);
  EXPECT_EQ(counts["packets"], 1);
  EXPECT_EQ(counts["unread"], json({{"ARP", 2}}));
  EXPECT_EQ(counts["of_no_connection"]["rst"], 1);
  EXPECT_THAT(run_wobble({"analyze", path}).out,
              AllOf(HasSubstr("3 frames, 1 IP packets"), HasSubstr("2 not read as IP (2 ARP)"),
                    HasSubstr("1 RST of no connection")));
}

TEST_F(CaptureCommands, replay_names_what_is_wrong) {
  const std::string in = write("in.pcap", capture_);
  const std::string out = path("out.pcap");
  const Ran words = run_wobble({"replay", in, "-o", out, "--up", "delai 5ms"});
  EXPECT_EQ(words.exit_code, 2);
  EXPECT_THAT(words.err, HasSubstr("delai"));
  EXPECT_EQ(run_wobble({"replay", in, "-o", out, "--profile", R"({"left": {}})"}).exit_code, 2);
  EXPECT_EQ(run_wobble({"replay", in, "-o", out, "--near", "10.0.0.0/99"}).exit_code, 2);
  EXPECT_FALSE(std::filesystem::exists(out));
}

TEST_F(CaptureCommands, capture_writes_whole_blocks_and_asks_for_what_was_said) {
  FakeDaemon daemon;
  const captures::Order o;
  const Bytes file = captures::section(o) + captures::interface(o, 101) + captures::enhanced(o, 0, 1, Bytes(20, 0x45));
  Bytes more = file + Bytes{6, 0, 0, 0, 99, 0, 0, 0};  // a block that never ends
  daemon.answer("GET /api/v1/links/lab/capture", {200, {more.begin(), more.end()}, "application/x-pcapng"});
  const Ran ran =
      run_wobble({"capture", "lab", "-o", path("out.pcapng"), "--for", "10s", "--packets", "5", "--port", "80"},
                 {{"WOBBLE_URL", daemon.url()}});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_EQ(read("out.pcapng"), file);
  EXPECT_THAT(ran.out, HasSubstr("1 packets, "));
  ASSERT_THAT(daemon.asked(), SizeIs(1));
  EXPECT_EQ(daemon.asked()[0].target, "/api/v1/links/lab/capture?for=10s&packets=5&port=80");
}

TEST_F(CaptureCommands, capture_leaves_no_file_when_it_is_refused) {
  FakeDaemon daemon;
  daemon.answer("GET /api/v1/links/lab/capture", {404, R"({"title":"Not Found","detail":"there is no link 'lab'"})"});
  const Ran ran = run_wobble({"capture", "lab", "-o", path("out.pcapng")}, {{"WOBBLE_URL", daemon.url()}});
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_THAT(ran.err, HasSubstr("there is no link 'lab'"));
  EXPECT_FALSE(std::filesystem::exists(path("out.pcapng")));
  EXPECT_EQ(run_wobble({"capture", "lab"}, {{"WOBBLE_URL", daemon.url()}}, Output::terminal).exit_code, 2);
}

}  // namespace
}  // namespace wobble::test
