// The service over a real journal and a real forwarder, whose devices are datagram sockets: what goes in at one end
// comes out at the other, under the conditions in force, and every change is in force when its call returns.
#include "daemon/service/service.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <filesystem>
#include <thread>
#include <vector>

#include "daemon/journal/journal.h"
#include "daemon/service/past_conditions.h"
#include "daemon/service/temporary_changes.h"
#include "emulator/mutex.h"
#include "tests/emulator/packets.h"

namespace wobble::daemon {
namespace {

using namespace std::chrono_literals;
using packets::Bytes;

/// One end of a pair of datagram sockets; the test holds the other.
class SocketDevice final : public PacketDevice {
 public:
  explicit SocketDevice(int fd) : fd_(fd) {}
  ReadResult read(std::span<std::uint8_t> buffer, ReadPacket& out) noexcept override {
    const ssize_t n = ::recv(fd_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (n <= 0) return n < 0 && errno == EAGAIN ? ReadResult::nothing : ReadResult::failed;
    out = {0, static_cast<std::size_t>(n), {}};
    return ReadResult::packet;
  }
  bool write(std::span<const std::uint8_t> packet, const Offload&, Prefix) noexcept override {
    return ::send(fd_.get(), packet.data(), packet.size(), MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
  }
  int descriptor() const noexcept override { return fd_.get(); }

 private:
  UniqueFd fd_;
};

/// Hangs the loop that reads it, for as long as it is told to.
class HangingDevice final : public PacketDevice {
 public:
  struct Switch {
    Mutex mutex;
    std::condition_variable changed;
    bool is_on WOBBLE_GUARDED_BY(mutex) = false;
    bool hangs WOBBLE_GUARDED_BY(mutex) = false;

    void turn(bool on) {
      const LockGuard lock(mutex);
      is_on = on;
      changed.notify_all();
    }
    void wait_until_it_hangs() {
      UniqueLock lock(mutex);
      changed.wait(lock, [this]() WOBBLE_REQUIRES(mutex) { return hangs; });
    }
  };

  HangingDevice(std::unique_ptr<PacketDevice> device, std::shared_ptr<Switch> hang)
      : device_(std::move(device)), switch_(std::move(hang)) {}
  ReadResult read(std::span<std::uint8_t> buffer, ReadPacket& out) noexcept override {
    UniqueLock lock(switch_->mutex);
    switch_->hangs = switch_->is_on;
    switch_->changed.notify_all();
    switch_->changed.wait(lock, [this]() WOBBLE_REQUIRES(switch_->mutex) { return !switch_->is_on; });
    return device_->read(buffer, out);
  }
  bool write(std::span<const std::uint8_t> packet, const Offload& offload, Prefix prefix) noexcept override {
    return device_->write(packet, offload, prefix);
  }
  int descriptor() const noexcept override { return device_->descriptor(); }

 private:
  std::unique_ptr<PacketDevice> device_;
  std::shared_ptr<Switch> switch_;
};

class ServiceTest : public testing::Test {
 protected:
  ServiceTest()
      : folder_(std::filesystem::temp_directory_path() / ("wobble-test-" + std::to_string(::getpid()) + "-service")) {
    std::filesystem::create_directories(folder_);
    JournalOptions options;
    options.file = folder_ / "db";
    journal_ = std::make_unique<Journal>(options);
    service_ = std::make_unique<Service>(*journal_);
    service_->add_link("lab", 7, {"near", "", {}}, device(near_), {"far", "", {}}, device(far_));
  }
  ~ServiceTest() override {
    service_.reset();
    journal_.reset();
    std::filesystem::remove_all(folder_);
  }

  std::unique_ptr<PacketDevice> device(UniqueFd& ours) {
    int pair[2];
    if (::socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair) < 0) throw std::runtime_error("socketpair");
    ours = UniqueFd(pair[0]);
    return std::make_unique<SocketDevice>(pair[1]);
  }
  void send(const Bytes& bytes) { ASSERT_GT(::send(near_.get(), bytes.data(), bytes.size(), 0), 0); }
  /// What arrives at the far end within `at_most`; empty if nothing does.
  Bytes receive(Duration at_most) {
    const auto seconds = std::chrono::duration<double>(at_most).count();
    const timeval patience{static_cast<time_t>(seconds),
                           static_cast<suseconds_t>((seconds - static_cast<time_t>(seconds)) * 1e6)};
    ::setsockopt(far_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    Bytes bytes(65'536);
    const ssize_t n = ::recv(far_.get(), bytes.data(), bytes.size(), 0);
    bytes.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
    return bytes;
  }
  static Bytes packet(std::size_t payload) { return packets::ipv4(kUdp, packets::udp(1000, 2000, Bytes(payload, 7))); }
  static api::Change lose_all() {
    api::Change change;
    change.conditions.up.loss.model = RandomLoss{{Probability::kOne}};
    change.source = "test";
    return change;
  }

  std::filesystem::path folder_;
  UniqueFd near_;
  UniqueFd far_;
  std::unique_ptr<Journal> journal_;
  std::unique_ptr<Service> service_;
};

TEST_F(ServiceTest, ThePacketAfterAChangeMeetsIt) {
  for (int i = 0; i < 50; ++i) {
    service_->apply("lab", lose_all());
    send(packet(1));
    // Nothing may come: the counter says when the packet has met its fate.
    while (service_->stats("lab").up.since_change.packets_in == 0) std::this_thread::yield();
    EXPECT_EQ(service_->stats("lab").up.since_change.dropped[static_cast<std::size_t>(DropReason::loss)], 1u);
    service_->reset("lab", "test", std::nullopt);
    send(packet(2));
    EXPECT_EQ(receive(5s), packet(2)) << "round " << i;
  }
}

TEST_F(ServiceTest, EveryChangeCountsARevisionAndIsJournalled) {
  EXPECT_EQ(service_->link("lab").revision, 1u);
  EXPECT_EQ(service_->apply("lab", lose_all()).revision, 2u);
  EXPECT_EQ(service_->reset("lab", "test", std::nullopt).revision, 3u);
  std::vector<api::EventRow> changes;
  for (const api::EventRow& event : service_->events({})) {
    if (event.kind == "conditions") changes.push_back(event);
  }
  ASSERT_EQ(changes.size(), 2u);
  EXPECT_NE(changes[0].detail.find("100%"), std::string::npos) << changes[0].detail;
}

TEST_F(ServiceTest, AnOldRevisionChangesNothing) {
  service_->apply("lab", lose_all());
  api::Change late;
  late.if_revision = 1;
  EXPECT_THROW(service_->apply("lab", late), api::RevisionMismatch);
  EXPECT_EQ(service_->link("lab").conditions, lose_all().conditions);
}

TEST_F(ServiceTest, WhatWasBeforeComesBackByItself) {
  api::Change change = lose_all();
  change.lasts = 300ms;
  EXPECT_TRUE(service_->apply("lab", change).reverts_at.has_value());
  const auto end = std::chrono::steady_clock::now() + 10s;
  while (service_->link("lab").revision < 3 && std::chrono::steady_clock::now() < end) std::this_thread::yield();
  EXPECT_EQ(service_->link("lab").conditions, LinkConditions{});
  EXPECT_EQ(service_->link("lab").reverts_at, std::nullopt);
  send(packet(3));
  EXPECT_EQ(receive(5s), packet(3));
}

api::Change for_a_while(Duration time) {
  api::Change change;
  change.conditions.up.delay.time = 7ms;
  change.lasts = time;
  change.source = "test";
  return change;
}

/// A second link, whose loop hangs from the beginning of a test until it is let go.
class HungLinkTest : public ServiceTest {
 protected:
  HungLinkTest() {
    service_->add_link("hung", 7, {"near", "", {}}, std::make_unique<HangingDevice>(device(hung_near_), switch_),
                       {"far", "", {}}, device(hung_far_));
  }
  ~HungLinkTest() override { switch_->turn(false); }

  void hang() {
    switch_->turn(true);
    ASSERT_GT(::send(hung_near_.get(), "x", 1, 0), 0);
    switch_->wait_until_it_hangs();
  }
  std::vector<std::string> changes_of(const std::string& link) {
    std::vector<std::string> texts;
    for (const api::EventRow& event : service_->events({})) {
      if (event.kind == "conditions" && event.link == link) texts.push_back(event.text);
    }
    return texts;
  }

  UniqueFd hung_near_;
  UniqueFd hung_far_;
  std::shared_ptr<HangingDevice::Switch> switch_ = std::make_shared<HangingDevice::Switch>();
};

TEST_F(HungLinkTest, WhatItDidNotTakeOverIsNotTold) {
  hang();
  EXPECT_THROW(service_->apply("hung", lose_all()), api::Unavailable);
  EXPECT_THROW(service_->reset("hung", "test", std::nullopt), api::Unavailable);
  EXPECT_EQ(service_->link("hung").revision, 1u);
  EXPECT_EQ(service_->link("hung").conditions, LinkConditions{});
  EXPECT_TRUE(changes_of("hung").empty());
  EXPECT_FALSE(service_->health().ok);
}

TEST_F(HungLinkTest, TheOthersGoOn) {
  hang();
  std::atomic<int> over = 0;
  std::vector<std::thread> waiting;
  for (int i = 0; i < 3; ++i) {
    waiting.emplace_back([&] {
      EXPECT_THROW(service_->apply("hung", lose_all()), api::Unavailable);
      ++over;
    });
  }
  EXPECT_EQ(service_->apply("lab", lose_all()).revision, 2u);
  EXPECT_EQ(service_->links().size(), 2u);
  service_->stats("lab");
  service_->connections({});
  EXPECT_LT(over, 3) << "one after the other they wait for seconds";
  for (std::thread& thread : waiting) thread.join();
}

TEST_F(HungLinkTest, AChangeForAWhileEndsWhenItAnswersAgain) {
  service_->apply("hung", for_a_while(100ms));
  service_->apply("lab", for_a_while(100ms));
  hang();
  const auto end = std::chrono::steady_clock::now() + 20s;
  while (service_->link("lab").revision < 3 && std::chrono::steady_clock::now() < end) std::this_thread::yield();
  EXPECT_EQ(service_->link("lab").conditions, LinkConditions{}) << "it is not held up";
  const bool ended_before_it_hung = service_->link("hung").revision == 3;
  if (!ended_before_it_hung) {
    EXPECT_EQ(service_->link("hung").conditions.up.delay.time, 7ms) << "as it still is";
    EXPECT_EQ(changes_of("hung").size(), 1u);
  }
  switch_->turn(false);
  while (service_->link("hung").revision < 3 && std::chrono::steady_clock::now() < end) std::this_thread::yield();
  EXPECT_EQ(service_->link("hung").conditions, LinkConditions{});
  EXPECT_EQ(changes_of("hung").size(), 2u);
}

TEST_F(ServiceTest, EachFieldComesBackAtItsOwnTime) {
  service_->apply("lab", for_a_while(200ms));
  api::Change lasting;
  const api::LinkInfo present = service_->link("lab");
  ASSERT_EQ(present.upcoming.size(), 1u);
  lasting.conditions = present.conditions;
  lasting.conditions.up.loss.model = RandomLoss{Probability::percent(5)};
  lasting.upcoming = {present.upcoming[0].conditions};
  lasting.upcoming[0].up.loss.model = RandomLoss{Probability::percent(5)};
  lasting.if_revision = present.revision;
  service_->apply("lab", lasting);
  const auto end = std::chrono::steady_clock::now() + 10s;
  while (service_->link("lab").reverts_at && std::chrono::steady_clock::now() < end) std::this_thread::yield();
  EXPECT_EQ(service_->link("lab").conditions.up.delay.time, 0ms);
  EXPECT_EQ(service_->link("lab").conditions.up.loss.model, LossModel{RandomLoss{Probability::percent(5)}});
}

TEST_F(ServiceTest, WhatIsForAWhileCanBeEndedNow) {
  service_->apply("lab", for_a_while(1h));
  EXPECT_THROW(service_->end_temporary("lab", "test", 1), api::RevisionMismatch);
  const api::LinkInfo ended = service_->end_temporary("lab", "test", std::nullopt);
  EXPECT_EQ(ended.conditions, LinkConditions{});
  EXPECT_TRUE(ended.upcoming.empty());
  EXPECT_EQ(service_->end_temporary("lab", "test", std::nullopt).revision, ended.revision) << "nothing to do";
}

TEST_F(ServiceTest, ManyChangesForAWhileAreBounded) {
  for (std::size_t i = 0; i < TemporaryChanges::kMost; ++i) {
    api::Change change = for_a_while(24h - std::chrono::minutes(i));
    change.conditions.up.delay.time = std::chrono::milliseconds(i + 1);
    for (const api::UpcomingConditions& upcoming : service_->link("lab").upcoming)
      change.upcoming.push_back(upcoming.conditions);
    service_->apply("lab", change);
  }
  const std::uint64_t revision = service_->link("lab").revision;
  EXPECT_THROW(service_->apply("lab", for_a_while(30min)), api::Conflict);
  EXPECT_EQ(service_->link("lab").revision, revision);
}

TEST_F(ServiceTest, PastConditionsAreKeptForAWhile) {
  service_->apply("lab", lose_all());
  EXPECT_EQ(service_->past_conditions("lab", 1), R"({"down":{},"up":{}})");
  EXPECT_NE(service_->past_conditions("lab", 2).find("100%"), std::string::npos);
  EXPECT_THROW(service_->past_conditions("lab", 3), api::NotFound);
  EXPECT_THROW(service_->past_conditions("lab", 0), api::NotFound);
  for (std::size_t i = 0; i < PastConditions::kMost; ++i) service_->reset("lab", "test", std::nullopt);
  EXPECT_THROW(service_->past_conditions("lab", 1), api::Gone);
}

TEST_F(ServiceTest, AnOldRevisionResetsAndRemovesNothing) {
  service_->apply("lab", lose_all());
  EXPECT_THROW(service_->reset("lab", "test", 1), api::RevisionMismatch);
  EXPECT_THROW(service_->remove("lab", 1), api::RevisionMismatch);
  EXPECT_EQ(service_->link("lab").conditions, lose_all().conditions);
}

TEST_F(ServiceTest, ACaptureSeesWhatPasses) {
  api::CaptureOptions options;
  options.packets = 1;
  const auto capture = service_->capture("lab", options);
  send(packet(4));
  std::string out;
  for (const TimePoint until = Forwarder::now() + 10s; capture->read(out, 10ms);) ASSERT_LT(Forwarder::now(), until);
  EXPECT_NE(out.find("packet 0 arrived: "), std::string::npos);
}

TEST_F(ServiceTest, ThereIsNothingToCaptureWhileALinkWaitsForItsTarget) {
  api::NewLink wanted;
  wanted.name = "later";
  api::AttachSettings settings;
  settings.target = "netns:wobble-test-none";
  settings.follow = true;
  wanted.way_in = settings;
  service_->create(wanted);
  EXPECT_THROW(service_->capture("later", {}), api::Conflict);
}

TEST_F(ServiceTest, NamesThatAreNotThere) {
  EXPECT_THROW(service_->link("other"), api::NotFound);
  EXPECT_THROW(service_->stats("other"), api::NotFound);
  EXPECT_THROW(service_->capture("other", {}), api::NotFound);
  EXPECT_THROW(service_->apply("other", {}), api::NotFound);
  EXPECT_THROW(service_->connection(12345), api::NotFound);
  EXPECT_THROW(service_->transitions(12345), api::NotFound);
  EXPECT_THROW(service_->annotate("text", "other"), api::NotFound);
}

}  // namespace
}  // namespace wobble::daemon
