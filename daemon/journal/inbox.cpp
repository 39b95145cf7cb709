#include "daemon/journal/inbox.h"

#include <algorithm>
#include <utility>

#include "daemon/journal/event_text.h"
#include "daemon/journal/session_clock.h"

namespace wobble::daemon {

namespace {

// Waiting for a file that cannot be written: events, and the bytes of their texts. As many again may be in the batch
// that is tried again.
constexpr std::size_t kMaxPosted = 10'000;
constexpr std::size_t kMaxPostedBytes = 16'000'000;

std::size_t bytes_of(const PostedEvent& event) {
  return event.text.size() + event.detail.size() + (event.conditions ? event.conditions->json.size() : 0);
}

}  // namespace

Inbox::Inbox(const SessionClock& clock, const std::vector<NewLink>& known, std::uint64_t last_event_id)
    : clock_(clock), next_id_(last_event_id + 1) {
  for (const NewLink& link : known) links_[link.name] = link.number;
}

api::EventRow Inbox::post(PostedEvent&& event, const std::string& link) {
  api::EventRow row;
  row.at = event.at = clock_.now();
  row.kind = event.kind;
  row.link = link;
  row.connection = event.connection;
  row.text = event.text;
  row.detail = event.detail;
  const LockGuard lock(mutex_);
  if (closed_) return row;
  event.link = link_number(link);
  if (event.conditions) in_force_[event.link] = *event.conditions;
  if (!has_room_for(event)) {
    has_lost_conditions_ = has_lost_conditions_ || event.conditions.has_value();
    count_loss(1, 0);
    return row;
  }
  row.id = next_id_;
  take(std::move(event));
  return row;
}

api::EventRow Inbox::record(const std::string& kind, const std::string& text, const std::string& detail,
                            const std::string& link, ConnectionId connection) {
  PostedEvent event;
  event.kind = kind;
  event.text = text;
  event.detail = detail;
  event.connection = connection;
  return post(std::move(event), link);
}

void Inbox::post_again_what_is_in_force(const std::vector<LinkNumber>& links) {
  const LockGuard lock(mutex_);
  for (const LinkNumber link : links) {
    const auto found = in_force_.find(link);
    if (found == in_force_.end()) continue;
    PostedEvent event;
    event.at = clock_.now();
    event.link = link;
    event.conditions = found->second;
    if (has_room_for(event)) take(std::move(event));
  }
}

bool Inbox::close() {
  const LockGuard lock(mutex_);
  return !std::exchange(closed_, true);
}

LinkNumber Inbox::number_of(const std::string& link) {
  const LockGuard lock(mutex_);
  return link_number(link);
}

std::vector<NewLink> Inbox::links() const {
  std::vector<NewLink> links;
  const LockGuard lock(mutex_);
  for (const auto& [name, number] : links_) links.push_back({number, name, clock_.now()});
  return links;
}

std::uint64_t Inbox::last_event_id() const {
  const LockGuard lock(mutex_);
  return next_id_ - 1;
}

std::uint64_t Inbox::wait_for_event(std::uint64_t since, Duration at_most) {
  UniqueLock lock(mutex_);
  // The end wakes those who wait, once: who comes later waits his time, and does not spin.
  const bool had_ended = ended_;
  committed_.wait_for(lock, at_most,
                      [&]() WOBBLE_REQUIRES(mutex_) { return newest_event_ > since || ended_ != had_ended; });
  return newest_event_;
}

std::uint64_t Inbox::newest_event() const {
  const LockGuard lock(mutex_);
  return newest_event_;
}

void Inbox::add_to(api::JournalStats& stats) const {
  const LockGuard lock(mutex_);
  stats.lost_transitions += lost_transitions_;
  stats.lost_segments += lost_segments_;
}

bool Inbox::move_into(Batch& batch, std::uint64_t drained) {
  const LockGuard lock(mutex_);
  if (untold_.transitions + untold_.segments > 0) {
    PostedEvent loss;
    loss.at = batch.at;
    loss.kind = "events_lost";
    loss.text = loss_text(untold_);
    loss.detail = loss_detail(untold_);
    take(std::move(loss));
    untold_ = {};
  }
  std::swap(batch.posted, posted_);
  posted_bytes_ = 0;
  std::swap(batch.new_links, new_links_);
  batch.first_id = next_id_;
  next_id_ += drained;
  if (drained > 0 || !batch.posted.empty()) batch.last_id = next_id_ - 1;
  return std::exchange(has_lost_conditions_, false);
}

void Inbox::count_lost(const std::vector<LinkEvent>& events) {
  const LockGuard lock(mutex_);
  for (const LinkEvent& event : events) count_loss_of(event);
}

void Inbox::give_up(Batch& batch) {
  const LockGuard lock(mutex_);
  count_loss(batch.posted.size(), 0);
  for (const DrainedEvents& from : batch.drained) {
    for (const LinkEvent& event : from.events) count_loss_of(event);
  }
  new_links_.insert(new_links_.begin(), batch.new_links.begin(), batch.new_links.end());
  batch.clear();
}

void Inbox::committed(std::uint64_t last_id) {
  {
    const LockGuard lock(mutex_);
    newest_event_ = std::max(newest_event_, last_id);
  }
  committed_.notify_all();
}

void Inbox::end() {
  {
    const LockGuard lock(mutex_);
    ended_ = true;
  }
  committed_.notify_all();
}

LinkNumber Inbox::link_number(const std::string& name) {
  if (name.empty()) return 0;
  const auto [place, is_new] = links_.try_emplace(name, static_cast<LinkNumber>(links_.size()) + 1);
  if (is_new) new_links_.push_back({place->second, name, clock_.now()});
  return place->second;
}

bool Inbox::has_room_for(const PostedEvent& event) const {
  return posted_.size() < kMaxPosted && posted_bytes_ + bytes_of(event) <= kMaxPostedBytes;
}

void Inbox::take(PostedEvent&& event) {
  event.id = next_id_++;
  posted_bytes_ += bytes_of(event);
  posted_.push_back(std::move(event));
}

void Inbox::count_loss(std::uint64_t transitions, std::uint64_t segments) {
  lost_transitions_ += transitions;
  lost_segments_ += segments;
  untold_.transitions += transitions;
  untold_.segments += segments;
}

void Inbox::count_loss_of(const LinkEvent& event) {
  if (const auto* told = std::get_if<EventsLost>(&event)) {  // counted by its ring, but not told yet
    untold_.transitions += told->transitions;
    untold_.segments += told->segments;
    untold_.connections += told->connections;
  } else {
    std::holds_alternative<SegmentRecord>(event) ? count_loss(0, 1) : count_loss(1, 0);
    if (std::holds_alternative<ConnectionOpened>(event)) ++untold_.connections;
  }
}

}  // namespace wobble::daemon
