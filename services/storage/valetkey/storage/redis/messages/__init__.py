"""Values as protobuf messages, and back."""
