package io.github.dl4jtorch.files;

import org.jspecify.annotations.Nullable;

/**
 * An object of torch.optim that a method is bound to: PyTorch 1's OneCycleLR names its annealing
 * function so, and draws itself and its optimizer into the file. It is the name of its class and
 * what would be put into it; it is kept for writing, and shown to nobody.
 */
final class OpaqueObject {

  private final OpaqueName type;
  private @Nullable Object state;

  OpaqueObject(OpaqueName type) {
    this.type = type;
  }

  OpaqueName type() {
    return type;
  }

  @Nullable Object state() {
    return state;
  }

  void setState(@Nullable Object read) {
    state = read;
  }
}
