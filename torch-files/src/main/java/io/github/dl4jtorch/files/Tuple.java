package io.github.dl4jtorch.files;

import java.util.AbstractList;
import java.util.RandomAccess;
import org.jspecify.annotations.Nullable;

/**
 * Python's tuple: a list that is written as a tuple again. It equals every list of the same
 * elements.
 *
 * <pre>{@code
 * TorchFile.write(Path.of("group.pt"), Map.of("lr", 1e-3, "betas", Tuple.of(0.9, 0.999)));
 * }</pre>
 */
public final class Tuple extends AbstractList<@Nullable Object> implements RandomAccess {

  private final @Nullable Object[] elements;
  private final boolean torchSize;

  Tuple(@Nullable Object[] elements, boolean torchSize) {
    this.elements = elements;
    this.torchSize = torchSize;
  }

  /**
   * Makes a tuple.
   *
   * @param elements anything that {@link TorchFile#write} takes
   * @return the tuple
   */
  public static Tuple of(@Nullable Object... elements) {
    return new Tuple(elements.clone(), false);
  }

  /** Tells whether it was a {@code torch.Size}, which is a tuple of its own kind. */
  boolean isTorchSize() {
    return torchSize;
  }

  /** The same elements as a {@code torch.Size}. */
  Tuple asTorchSize() {
    return new Tuple(elements, true);
  }

  @Override
  public @Nullable Object get(int index) {
    return elements[index];
  }

  @Override
  public int size() {
    return elements.length;
  }
}
