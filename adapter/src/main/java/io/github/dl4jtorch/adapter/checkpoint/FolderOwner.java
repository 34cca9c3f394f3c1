package io.github.dl4jtorch.adapter.checkpoint;

import java.io.IOException;
import java.lang.ref.WeakReference;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.LinkOption;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import org.deeplearning4j.nn.api.Model;

/**
 * Lets one network at a time be saved into a folder under one name. To other processes a lock on a
 * file says so, which the system takes away with the process, however that ends. Within this
 * process a thread trains one network after another, so a network may take over from another that
 * the same thread trained, which is then over.
 */
final class FolderOwner {

  /** The end of the name of the file that is locked. */
  static final String LOCK = ".lock";

  /** Who owns a folder in this process. */
  private record Owner(
      FileChannel channel, WeakReference<Model> net, WeakReference<Thread> thread) {

    boolean is(Model model) {
      return net.refersTo(model);
    }

    /** Tells whether its training can still be going on while the present thread is here. */
    boolean canBeTraining() {
      Thread trainer = thread.get();
      return !net.refersTo(null)
          && trainer != null
          && trainer != Thread.currentThread()
          && trainer.isAlive();
    }

    static Owner of(FileChannel channel, Model model) {
      return new Owner(
          channel, new WeakReference<>(model), new WeakReference<>(Thread.currentThread()));
    }
  }

  private static final Set<OpenOption> OPENING =
      Set.of(StandardOpenOption.CREATE, StandardOpenOption.WRITE, LinkOption.NOFOLLOW_LINKS);

  // Never is a lock's file opened a second time in a process: to close it would end the first lock.
  private static final Map<Path, Owner> OWNERS = new HashMap<>();

  private FolderOwner() {}

  /**
   * Makes a network the owner of a folder, which must exist.
   *
   * @return whether it has not been already
   * @throws IllegalStateException if another training owns it
   */
  static synchronized boolean begin(CheckpointFolder folder, Model net) throws IOException {
    Path file = file(folder);
    Owner owner = OWNERS.get(file);
    if (owner != null && !owner.is(net) && owner.canBeTraining()) {
      throw refusal(folder, "another thread of this process");
    }
    FileChannel channel = owner == null ? locked(file, folder) : owner.channel;
    OWNERS.put(file, Owner.of(channel, net));
    return owner == null || !owner.is(net);
  }

  private static FileChannel locked(Path file, CheckpointFolder folder) throws IOException {
    FileChannel channel;
    try {
      channel = FileChannel.open(file, OPENING, CheckpointFile.permissions(folder.folder()));
    } catch (IOException failed) {
      throw new IOException(file + " cannot be locked", failed);
    }
    boolean isLocked = false;
    try {
      isLocked = channel.tryLock() != null;
    } catch (OverlappingFileLockException elsewhere) {
      // By another copy of this class.
    } catch (IOException failed) {
      throw new IOException(file + " cannot be locked", failed);
    } finally {
      if (!isLocked) {
        channel.close();
      }
    }
    if (!isLocked) {
      throw refusal(folder, "another process");
    }
    return channel;
  }

  private static IllegalStateException refusal(CheckpointFolder folder, String owner) {
    return new IllegalStateException(
        "the folder "
            + folder.folder()
            + " must be that of one training, but "
            + owner
            + " saves \""
            + folder.name()
            + "\" there: end that training or close() its listener, or choose another folder or"
            + " name");
  }

  /**
   * Makes sure that a network still owns a folder.
   *
   * @throws IllegalStateException if another has taken it over
   */
  static synchronized void require(CheckpointFolder folder, Model net) throws IOException {
    Owner owner = OWNERS.get(file(folder));
    if (owner == null) {
      begin(folder, net); // Another listener of the network has let it go.
    } else if (!owner.is(net)) {
      throw new IllegalStateException(
          "the folder "
              + folder.folder()
              + " must be that of one training, but another network that was trained since is"
              + " saved as \""
              + folder.name()
              + "\" there: choose another folder or name for one of them");
    }
  }

  /** Lets a folder go, if the network owns it. */
  static synchronized void end(CheckpointFolder folder, Model net) throws IOException {
    Path file = file(folder);
    Owner owner = OWNERS.get(file);
    if (owner != null && owner.is(net)) {
      OWNERS.remove(file);
      owner.channel.close();
    }
  }

  private static Path file(CheckpointFolder folder) throws IOException {
    return folder.folder().toRealPath().resolve(folder.name() + LOCK);
  }
}
