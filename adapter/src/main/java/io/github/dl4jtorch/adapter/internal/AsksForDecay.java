package io.github.dl4jtorch.adapter.internal;

/** An updater beside which a weight decay is to be set, and which asks for it where none is. */
public interface AsksForDecay {

  /** Takes note that it was decided how much is to be decayed, be it nothing. */
  void decayIsSet();
}
